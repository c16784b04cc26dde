from tests.run_fixtures import *  # noqa: F403
