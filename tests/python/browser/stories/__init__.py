"""What somebody does in the console, a function each; `tests/suite/browser.rs` has a test for each."""

from stories import every_page

ALL = {
    story.__name__: story
    for story in [
        every_page.pages_on_a_desk_in_light,
        every_page.pages_on_a_phone_in_dark,
        every_page.pages_the_other_way_round,
        every_page.pages_of_a_fresh_ledger,
    ]
}
