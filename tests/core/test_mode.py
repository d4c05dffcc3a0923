from typing import get_args

import pytest

from russo import CachedSynthesizer, Mode, ModeName
from russo.testing import FakeSynthesizer


def test_names_for_type_checkers_are_the_names_of_the_modes():
    assert list(get_args(ModeName)) == [str(mode) for mode in Mode]


@pytest.mark.parametrize("mode", Mode)
def test_mode_and_its_name_are_the_same_argument(mode):
    for value in (mode, mode.value):
        assert CachedSynthesizer(FakeSynthesizer(), mode=value).mode is mode


def test_other_text_is_refused_with_the_modes():
    with pytest.raises(
        ValueError, match="no cache mode is named 'sometimes'; the modes are auto, replay, refresh, off"
    ):
        CachedSynthesizer(FakeSynthesizer(), mode="sometimes")
