"""Puts what an article is about as people would ask for it: as a question, in keywords, in lay words."""

import random
import re
from collections.abc import Sequence

# What stands before the colon is the subject; what stands behind it is mostly the kind of study.
_SUBTITLE = re.compile(r"\s*(?::|\s[-–—]\s|\?|\.\s|;).*$")  # noqa: RUF001  (dashes as titles have them)
_BRACKETS = re.compile(r"\s*[\[(][^\])]*[\])]")
_WORD = re.compile(r"[^\W\d_][\w'/-]*|\d+[\w'/-]+")
_DULL = frozenset(
    """
    a about after against all among an analysis and are as associated association at based be been before between both by can
    case characteristics cohort comparative comparison control controlled design development did different do does double
    during effect effectiveness effects efficacy evaluation evidence experience following for from has have how impact improve
    improves in increased increases increasing influence into investigation is it its methods model more multicenter new novel
    of on or outcome outcomes over overview patient patients potential preliminary prospective protocol randomised randomized
    rapid rate rates reduce reduced reduces report results retrospective review role series several single some studies study
    systematic than that the their these this those through to toward towards trial two under update use used using versus via
    vs was were what when whether which with within without
    """.split()  # noqa: SIM905  (a list of so many words is hard to read)
)

_X, _Y = r"(?P<x>.{3,80}?)", r"(?P<y>.{3,100})"
_VERBS = (
    "reduce|increase|inhibit|improve|prevent|induce|promote|regulate|enhance|affect|protect|attenuate|activate|mediate|predict"
    "|modulate|suppress|alleviate|ameliorate"
)
# Forms of titles, and how the same is asked. Verbs in the title's third person lose their ending in the question.
_FORMS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"^(?:the |an? )?{pattern}$", re.IGNORECASE), questions)
    for pattern, questions in (
        (
            rf"(?:effects?|impact|influence|benefits) of {_X} (?:on|in|for) {_Y}",
            ("What is the effect of {x} on {y}?", "Does {x} affect {y}?", "How does {x} influence {y}?", "{x} and {y}"),
        ),
        (
            rf"(?:efficacy|effectiveness|safety|efficacy and safety) of {_X} (?:in|for|against|on) {_Y}",
            ("Does {x} work in {y}?", "Is {x} safe and effective in {y}?", "How well does {x} help in {y}?"),
        ),
        (
            rf"{_X} (?:for|in) (?:the )?(?:treatment|management|therapy) of {_Y}",
            (
                "Does {x} help with {y}?",
                "How to treat {y} with {x}",
                "What is the best treatment of {y}?",
                "Can {x} treat {y}?",
            ),
        ),
        (
            rf"{_X} for (?:treating|managing|treatment of) {_Y}",
            ("Does {x} help with {y}?", "How to treat {y} with {x}", "Can {x} treat {y}?"),
        ),
        (
            rf"{_X} (?:for|in) (?:the )?(?:prevention|preventing) (?:of )?{_Y}",
            ("Does {x} prevent {y}?", "How to prevent {y}", "How to prevent {y} with {x}"),
        ),
        (
            rf"(?:associations?|relationships?|correlations?|links?) (?:between|of) {_X} (?:and|with|to) {_Y}",
            ("Is {x} linked to {y}?", "Is there a relation between {x} and {y}?", "Why may {x} cause {y}?"),
        ),
        (rf"{_X} and (?:the )?risk of {_Y}", ("Does {x} raise the risk of {y}?", "Can {x} cause {y}?", "{x} and {y} risk")),
        (
            rf"risk factors (?:for|of|associated with) {_Y}(?P<x>)",
            ("What are the risk factors for {y}?", "What causes {y}?", "Who gets {y}?"),
        ),
        (
            rf"(?:prevalence|incidence|epidemiology) of {_X} (?:in|among) {_Y}",
            ("How common is {x} in {y}?", "How many {y} have {x}?"),
        ),
        (rf"(?:diagnosis|detection|diagnostic accuracy) of {_Y}(?P<x>)", ("How is {y} diagnosed?", "Tests for {y}")),
        (
            rf"roles? of {_X} in {_Y}",
            ("What is the role of {x} in {y}?", "What does {x} do in {y}?", "Does {x} play a part in {y}?"),
        ),
        (rf"mechanisms? of {_Y}(?P<x>)", ("How does {y} come about?", "What is the mechanism of {y}?")),
        (
            rf"{_X} (?:is|are|was|were) (?:\w+ly )?(?:associated|correlated|linked) with {_Y}",
            ("Is {x} associated with {y}?", "What is associated with {y}?", "Is {x} linked to {y}?"),
        ),
        (
            rf"{_X} (?P<verb>{_VERBS})s? {_Y}",
            ("Does {x} {verb} {y}?", "What can {verb} {y}?", "How does {x} {verb} {y}?"),
        ),
    )
)

# Terms of the field and what people call them who do not work in it.
_LAY_WORDS = dict(
    pair.split("=")
    for pair in """
    myocardial infarction=heart attack|hypertension=high blood pressure|hypotension=low blood pressure|neoplasms=cancers
    |carcinoma=cancer|malignancy=cancer|malignancies=cancers|neoplasm=tumour|metastatic=spreading|hepatic=liver|renal=kidney
    |pulmonary=lung|cardiac=heart|cardiovascular disease=heart disease|coronary artery disease=clogged arteries
    |atherosclerosis=hardening of the arteries|cerebrovascular accident=stroke|cutaneous=skin|dermal=skin|gastric=stomach
    |gastrointestinal=gut|colorectal=bowel|ocular=eye|ophthalmic=eye|otitis media=ear infection|cranial=skull
    |cognitive impairment=memory problems|dementia=memory loss|hyperlipidemia=high cholesterol
    |hypercholesterolemia=high cholesterol|hyperglycemia=high blood sugar|hypoglycemia=low blood sugar
    |glycemic control=blood sugar control|diabetes mellitus=diabetes|obesity=being overweight|adiposity=body fat
    |ingestion=eating|dietary intake=diet|consumption=eating|adverse effects=side effects|adverse events=side effects
    |mortality=death|morbidity=illness|analgesic=painkiller|analgesics=painkillers|analgesia=pain relief
    |anticoagulant=blood thinner|anticoagulants=blood thinners|thrombosis=blood clots|thromboembolism=blood clots
    |hemorrhage=bleeding|haemorrhage=bleeding|edema=swelling|oedema=swelling|fractures=broken bones|fracture=broken bone
    |osteoporosis=brittle bones|arthralgia=joint pain|myalgia=muscle pain|low back pain=backache|cephalalgia=headache
    |pruritus=itching|alopecia=hair loss|dyspnea=shortness of breath|dyspnoea=shortness of breath|pyrexia=fever
    |febrile=feverish|emesis=vomiting|constipation=trouble passing stool|insomnia=trouble sleeping|fatigue=tiredness
    |depressive disorder=depression|anxiety disorder=anxiety|influenza=flu|varicella=chickenpox|pertussis=whooping cough
    |rubella=German measles|pediatric=children's|paediatric=children's|neonates=newborn babies|neonatal=newborn
    |infants=babies|adolescents=teenagers|elderly=old people|geriatric=old people's|gravid=pregnant|gestational=pregnancy
    |parturition=giving birth|lactation=breastfeeding|menopause=change of life|contraception=birth control
    |erythrocytes=red blood cells|leukocytes=white blood cells|anemia=low iron blood|anaemia=low iron blood
    |antimicrobial=germ killing|antibacterial=germ killing|bacteria=germs|pathogens=germs|vaccination=getting vaccinated
    |immunization=vaccines|pharmacotherapy=drugs|medication=medicine|medications=medicines|supplementation=supplements
    |tobacco use=smoking|cigarette smoking=smoking|ethanol=alcohol|alcohol consumption=drinking alcohol
    |physical activity=exercise|ambulation=walking|surgical procedures=surgery|arthroplasty=joint replacement
    |cholecystectomy=gallbladder removal|nephrolithiasis=kidney stones|urinary tract infection=bladder infection
    |urinary incontinence=leaking urine|erectile dysfunction=impotence|dysmenorrhea=period pain|caries=tooth decay
    |periodontitis=gum disease|xerostomia=dry mouth|epistaxis=nosebleed|syncope=fainting|vertigo=dizziness
    |tinnitus=ringing in the ears|presbycusis=hearing loss|myopia=short sight|cerebral=brain|neuropathy=nerve damage
    |rhinitis=runny nose|dermatitis=rash|urticaria=hives|hyperhidrosis=sweating|sepsis=blood poisoning|toxicity=poisoning
    |etiology=cause|aetiology=cause|prophylaxis=prevention|efficacious=effective
    """.replace("\n", "").split("|")
)
_LAY = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, (one.strip() for one in _LAY_WORDS)), key=len, reverse=True)) + r")\b",
    re.IGNORECASE | re.ASCII,  # without ASCII, the Turkish dotless i is an i, and no key
)
_LAY_BY_TERM = {term.strip(): word.strip() for term, word in _LAY_WORDS.items()}
_MOST_RUNS = 3


def subject(title: str) -> str:
    """A title without what stands in brackets and behind a colon."""
    plain = _BRACKETS.sub("", title.strip(" .").removeprefix("[").removesuffix("]")).strip(" .")
    return _SUBTITLE.sub("", plain).strip() or plain


def as_question(title: str, chance: random.Random) -> str | None:
    """A title as a question, or None where it has none of the forms that are known."""
    if title.rstrip(" ]").endswith("?"):
        return title.strip(" []")
    plain = subject(title)
    for form, questions in _FORMS:
        if found := form.match(plain):
            parts = {name: _lower_first(text or "") for name, text in found.groupdict().items()}
            question = chance.choice(questions).format(**parts)
            return question[0].upper() + question[1:]
    return None


def as_keywords(text: str, chance: random.Random) -> str | None:
    """Some of the telling rows of words of a text, in their order; None where it has none."""
    runs = _telling_runs(text)
    if not runs:
        return None
    count = chance.randint(1, min(_MOST_RUNS, len(runs)))
    return " ".join(runs[place] for place in sorted(chance.sample(range(len(runs)), count)))


def in_lay_words(text: str) -> str:
    """The text with what people call things who do not work in the field."""
    return _LAY.sub(lambda found: _LAY_BY_TERM[found.group().lower()], text)


def _telling_runs(text: str) -> Sequence[str]:
    """Words that stand side by side in a text, at most three, none of them dull."""
    runs: list[list[str]] = [[]]
    end = 0
    for found in _WORD.finditer(text):
        if text[end : found.start()].strip() or len(runs[-1]) == _MOST_RUNS:
            runs.append([])
        end = found.end()
        if found.group().lower() in _DULL:
            runs.append([])
        else:
            runs[-1].append(found.group())
    return [" ".join(run) for run in runs if run]


def _lower_first(text: str) -> str:
    """The first letter small, where the word is not a name of capitals."""
    return text if text[1:2].isupper() or text[1:2].isdigit() else text[:1].lower() + text[1:]
