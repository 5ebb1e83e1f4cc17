"""Where the pages about problems lie."""

from __future__ import annotations

import pytest

from jitcore.pages import page_path


@pytest.mark.parametrize("code", ["no-such-code", "../index", "", "index"])
def test_only_codes_have_a_page(code):
    """Nothing else is looked for on disk."""
    with pytest.raises(FileNotFoundError, match="no page"):
        page_path(code)
