"""Examples to four-option proxy questions and their prompts."""
