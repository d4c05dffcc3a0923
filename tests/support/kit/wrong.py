"""The definition of a wrong backend: the patch that adds its fault, and the checks that must catch it."""

from collections.abc import Callable, Set
from dataclasses import dataclass

from russo.testing import BackendContract

ODD_TEXT = BackendContract.test_odd_text_is_spoken_or_refused
REPLAY = BackendContract.test_replay_needs_the_cache_alone
AUDIO = BackendContract.test_audio_is_what_it_says_it_is
AFRESH = BackendContract.test_constructing_works_in_a_fresh_process
# The checks that catch a backend that does not speak.
SPEAKING = {
    AUDIO,
    ODD_TEXT,
    BackendContract.test_cache_key_extra_is_the_same_after_speaking,
    BackendContract.test_closing_at_any_time,
    BackendContract.test_declared_option_is_heard,
    BackendContract.test_event_loop_goes_on_while_it_speaks,
    BackendContract.test_many_event_loops_one_after_another,
    BackendContract.test_many_calls_at_once_do_not_disturb_each_other,
    BackendContract.test_many_calls_at_once_in_many_event_loops,
    BackendContract.test_nothing_is_left_open,
    BackendContract.test_ordinary_calls_leave_nothing_behind,
    BackendContract.test_process_is_left_as_it_was,
    BackendContract.test_speaking_says_nothing,
    BackendContract.test_synthesizer_speaks_after_a_cancelled_call,
    BackendContract.test_synthesizer_speaks_after_failed_calls,
    BackendContract.test_timeout_ends_a_call,
}
# The checks that catch a backend without a mapping.
FIELDS = {
    AFRESH,
    BackendContract.test_cache_key_extra_and_repr_show_no_credential,
    BackendContract.test_cache_key_extra_is_json,
    BackendContract.test_cache_key_extra_is_the_same_after_speaking,
    BackendContract.test_cache_key_extra_names_the_backend,
    BackendContract.test_declared_option_changes_the_key,
    BackendContract.test_near_values_have_keys_of_their_own,
    BackendContract.test_option_can_be_written_as_text,
    BackendContract.test_synthesizer_does_not_change_with_another,
    BackendContract.test_undeclared_options_change_no_key,
    BackendContract.test_whole_number_and_float_make_one_key,
}
# The checks that use a service that refuses.
REFUSED = {
    BackendContract.test_failure_is_typed_and_retried_only_if_it_can_pass,
    BackendContract.test_redirect_is_not_followed,
    BackendContract.test_refusal_is_not_retried_and_a_busy_gateway_is,
    BackendContract.test_service_that_asks_to_wait_an_hour_is_not_waited_for,
}
# The checks that use a service that sends no audio.
NO_AUDIO = {
    BackendContract.test_reply_that_is_no_audio_is_refused,
    BackendContract.test_reply_without_sound_is_no_audio,
    BackendContract.test_truncated_wav_is_refused,
}


@dataclass(frozen=True)
class Wrong:
    """A patch that adds one fault to a backend.

    Attributes:
        old: The replaced text, in the source of the backend or of its test.
        new: The text that replaces it.
        caught_by: The checks of the contract that must fail.
        says: The text that the checks must print.
        more: Further patches, as pairs of old and new.
    """

    old: str
    new: str
    caught_by: Set[Callable[..., None]]
    says: str
    more: tuple[tuple[str, str], ...] = ()

    @property
    def patches(self) -> list[tuple[str, str]]:
        """All patches, in order."""
        return [(self.old, self.new), *self.more]
