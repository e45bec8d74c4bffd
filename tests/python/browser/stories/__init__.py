"""What somebody does in the console, a function each; `tests/suite/browser.rs` has a test for each."""

from stories import access, every_page, figures, forms, keyboard, reports, search

ALL = {
    story.__name__: story
    for story in [
        access.a_key_closes_the_console,
        every_page.pages_on_a_desk_in_light,
        every_page.pages_on_a_desk_in_dark,
        every_page.pages_on_a_phone_in_light,
        every_page.pages_on_a_phone_in_dark,
        every_page.pages_of_a_fresh_ledger,
        figures.customers_cost_and_margin,
        figures.split_of_a_task,
        figures.arithmetic_of_a_call,
        reports.csv_of_a_report,
        reports.csv_of_other_tables,
        reports.time_of_a_report,
        forms.a_waiting_price_is_approved,
        forms.a_margin_is_calculated,
        forms.an_export_is_reconciled,
        forms.a_policy_is_put_in_force,
        search.why_a_call_was_refused,
        search.names_lead_to_their_pages,
        keyboard.everything_can_be_reached,
        keyboard.skip_and_search,
    ]
}
