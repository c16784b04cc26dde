"""What app.py shows. The frame: navigation, the sidebar, what is being worked on, and one page."""

from neuron_core.errors import NeuronCoreError
from pages.shared.frame import session
from pages.shared.frame.address import address, finish_address
from pages.shared.frame.browser import tell_browser
from pages.shared.frame.damage import damage_of, say_damage
from pages.shared.frame.draft import keep_draft, load_draft
from pages.shared.frame.guard import error_box, guard
from pages.shared.frame.heading import heading
from pages.shared.frame.job_panel import job_panel
from pages.shared.frame.linked import begin_view, view_address
from pages.shared.frame.memory import settle
from pages.shared.frame.navigation import framed, navigation
from pages.shared.frame.once import reading
from pages.shared.frame.password import ask_password
from pages.shared.frame.preload import preload
from pages.shared.frame.presentation import presenting, stage
from pages.shared.frame.sidebar import sidebar
from pages.shared.frame.turns import turn
from pages.shared.inputs.renaming import run_title_bar

WITHOUT_RUN = ("Start", "Data", "Questions", "Runs")
"pages that need no run that is whole"


def draw() -> None:
    """All of it, for the page that the address names."""
    page = navigation()
    begin_view(page.title)
    present = presenting()
    ask_password()
    preload(page.title)
    beside_title = heading("NeuronLLM Explorer" if page.title == "Start" else page.title, present)
    shown, missing = None, False
    with guard():
        load_draft()
    with guard():
        try:
            shown = sidebar()
        except NeuronCoreError as error:
            missing = True
            error_box(error.what, accepted="a run of the list on the left, or of the page Runs")
    if page.title == "Not found":
        page.run()
    elif not missing:
        damage = damage_of(shown)
        with guard(), beside_title:
            # Not on pages about the next run, nor where the run has a heading of its own.
            if shown and not damage and page.title not in WITHOUT_RUN:
                run_title_bar(shown)
        with guard():
            job_panel(None if damage else shown)
        with guard(), framed():
            if shown and damage and page.title not in WITHOUT_RUN:
                say_damage(shown, damage)
            else:
                page.run()
    draft = None
    with guard():
        draft = keep_draft()
    with guard():
        finish_address(draft)
        if present:
            stage(page.title)
        tell_browser(
            address=address(), view=view_address(), working=session.working(), present=present, path=page.url_path
        )
    settle()


with turn(), reading():
    draw()
