"""Sets of checks of the contract, by module and by cost."""

from russo.testing import BackendContract

ALL = {getattr(BackendContract, name) for name in dir(BackendContract) if name.startswith("test_")}


def checks_of(*modules):
    """Return the checks in these modules of the kit."""
    found = {check for check in ALL if check.__module__.rpartition(".")[2] in modules}
    assert {check.__module__.rpartition(".")[2] for check in found} == set(modules), "a module has no checks"
    return found


def names_of(checks):
    """Return the names of checks, as pytest prints them."""
    return {check.__name__ for check in checks}


# They start processes, which takes a third of a second.
PROCESSES = checks_of("fresh_process")
# Checks that are skipped for a backend that declares no service.
REQUESTS = checks_of("sent", "retries", "replies", "api_keys")
# Checks that really wait: each takes up to a second.
WAITING = {
    BackendContract.test_service_that_asks_to_wait_is_waited_for,
    BackendContract.test_connection_lost_is_retried,
    BackendContract.test_service_that_falls_silent_is_a_timeout,
    BackendContract.test_busy_service_is_not_asked_again_at_once,
}
# Checks that also wait, but do not depend on the requests to a service.
TIMED = {
    *checks_of("cancellation"),
    BackendContract.test_event_loop_goes_on_while_it_speaks,
    BackendContract.test_no_more_calls_at_once_than_max_concurrency,
}
# In the fast tests, every wrong backend also runs these cheap checks, which must pass.
ENGINE_NEIGHBOURS = {
    *checks_of("signature", "options"),
    BackendContract.test_audio_is_what_it_says_it_is,
    BackendContract.test_speaking_says_nothing,
    BackendContract.test_many_event_loops_one_after_another,
}
SERVICE_NEIGHBOURS = {
    *checks_of("api_keys"),
    BackendContract.test_samples_arrive_untouched,
    BackendContract.test_declared_option_is_sent,
    BackendContract.test_undeclared_options_are_not_sent,
    BackendContract.test_text_that_cannot_be_sent_is_refused_before_any_call,
    BackendContract.test_call_succeeds_after_a_failure_that_passed,
    BackendContract.test_unreachable_service_is_a_service_error,
    BackendContract.test_reply_without_sound_is_no_audio,
}
