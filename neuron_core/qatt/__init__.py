"""QATT: turns examples into four-option proxy questions and their prompts."""
