"""The web page: Streamlit over `search`."""
