//! The weekly report, as people read it.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "the report is as long as it is")]
fn the_weekly_report_reads_like_this() {
    let (policy, groups) = (policy(), customers());
    let before = [group("acme", 900, "16"), group("wayne", 2, "0.75")];
    let caps = [cap("a", 10, 7, 1), cap("b", 10, 7, 0), cap("c", 0, 0, 0)];
    let report = weekly(&figures(&policy, &groups, &before, &caps));
    check_sums(&report);
    expect![[r#"
        # Weekly report

        2026-11-16 00:00 to 2026-11-23 00:00, UTC

        ## Summary

        | what | value | share or change |
        | --- | ---: | ---: |
        | AI cost, USD | 22.8750 | +36.6 % |
        | AI cost of the week before, USD | 16.7500 |  |
        | calls | 1,220 |  |
        | refused beside them | 200 | 14.1 % |
        | active customers | 4 |  |
        | cost per active customer, USD | 5.5938 |  |
        | calls unpriced | 2 | 0.2 % |
        | calls unattributed | 5 | 0.4 % |
        | cost unattributed, USD | 0.5000 | 2.2 % |
        | calls estimated | 3 | 0.2 % |

        2 calls unpriced: their cost is not in these totals.

        3 calls estimated: their usage was not reported whole.

        ## Customers by AI cost

        | customer | plan | calls | cost, USD | week before, USD | change, USD | change | calls unpriced |
        | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
        | acme | pro | 1,200 | 20.0000 | 16.0000 | 4.0000 | +25.0 % | 0 |
        | globex | pro | 10 | 2.0000 | 0.0000 | 2.0000 | – | 0 |
        | (unattributed) | – | 5 | 0.5000 | 0.0000 | 0.5000 | – | 2 |
        | initech | free | 4 | 0.2500 | 0.0000 | 0.2500 | – | 0 |
        | umbrella | – | 1 | 0.1250 | 0.0000 | 0.1250 | – | 0 |
        | wayne | – | 0 | 0.0000 | 0.7500 | -0.7500 | -100.0 % | 0 |
        | **total** |  | **1,220** | **22.8750** | **16.7500** | **6.1250** | **+36.6 %** | **2** |

        2 calls unpriced: their cost is not in these totals.

        3 calls estimated: their usage was not reported whole.

        ## Tasks by feature

        No task in this time. Name tasks with x-bursar-task.

        A task counts where its newest call lies, whole; its feature, customer, plan and model are those of its first.

        Cost per successful task is the cost of all tasks for each that succeeded.

        ## Cost by feature

        | feature | calls | refused | errors | input tokens | output tokens | cost, USD | share | calls unpriced | calls estimated |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | acme | 1,200 | 200 | 0 | 120,000 | 12,000 | 20.0000 | 87.4 % | 0 | 3 |
        | globex | 10 | 0 | 0 | 1,000 | 100 | 2.0000 | 8.7 % | 0 | 0 |
        | (none) | 5 | 0 | 0 | 500 | 50 | 0.5000 | 2.2 % | 2 | 0 |
        | initech | 4 | 0 | 0 | 400 | 40 | 0.2500 | 1.1 % | 0 | 0 |
        | umbrella | 1 | 0 | 0 | 100 | 10 | 0.1250 | 0.5 % | 0 | 0 |
        | **total** | **1,220** | **200** | **0** | **122,000** | **12,200** | **22.8750** | **100.0 %** | **2** | **3** |

        2 calls unpriced: their cost is not in these totals.

        3 calls estimated: their usage was not reported whole.

        ## Waste by route

        No calls in this time.

        ## Gross margin by plan

        | plan | customers | revenue, USD | AI cost, USD | margin, USD | margin | expected | customers below | calls unpriced |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | free | 1 | 0.0000 | 0.2500 | -0.2500 | – | 10.0 % | 1 | 0 |
        | pro | 3 | 208.7097 | 22.0000 | 186.7097 | 89.5 % | 80.0 % | 1 | 0 |
        | (no plan) | 1 | 0.0000 | 0.6250 | -0.6250 | – | – | 0 | 2 |
        | **total** | **5** | **208.7097** | **22.8750** | **185.8347** | **89.0 %** | **–** | **2** | **2** |

        Revenue is what was reported as paid, else the price of the plan that the policy gives the customer today, for the part of each period that lies in this time.

        2 calls unpriced: their cost is not in these totals.

        3 calls estimated: their usage was not reported whole.

        ## Customers below their plan's expected margin

        | customer | plan | revenue, USD | AI cost, USD | margin, USD | margin | expected | calls unpriced |
        | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
        | initech | free | 0.0000 | 0.2500 | -0.2500 | – | 10.0 % | 0 |
        | acme | pro | 70.0000 | 20.0000 | 50.0000 | 71.4 % | 80.0 % | 0 |

        ## Gross margin by acquisition channel

        | source | medium | campaign | customers | revenue, USD | AI cost, USD | margin, USD | margin | AI cost per customer, USD | calls unpriced |
        | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | (none) | (none) | (none) | 5 | 208.7097 | 22.8750 | 185.8347 | 89.0 % | 4.5750 | 2 |
        | **total** |  |  | **5** | **208.7097** | **22.8750** | **185.8347** | **89.0 %** | **4.5750** | **2** |

        A customer's channel is what the policy says of it today (`utm`).

        Revenue is what was reported as paid, else the price of the plan that the policy gives the customer today, for the part of each period that lies in this time.

        2 calls unpriced: their cost is not in these totals.

        3 calls estimated: their usage was not reported whole.

        ## Close to a cap

        | cap | subject | window | unit | limit | spent | held | used | resets at |
        | --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- |
        | a | customer=acme | day | calls | 10 | 7 | 1 | 80.0 % | 2026-11-23 00:00 |
        | c | customer=acme | day | calls | 0 | 0 | 0 | – | 2026-11-23 00:00 |

        From 80 % of a cap on, spent and held, when the report was made.

        In the console the numbers lead to the calls of the subject that began in the cap's window: what the cap counted, but for calls from before it was there, and of models that were asked for by another name. A cap counts what was charged to it when a call ended: a ceiling where the cost is not known, and nothing of what re-ratings changed since.

        ## Runaway workspaces

        | workspace | calls | cost, USD | usual, USD | times the usual |
        | --- | ---: | ---: | ---: | --- |
        | acme | 1,200 | 20.0000 | 4.0000 | 5.0 |
        | globex | 10 | 2.0000 | 0.0000 | new |

        At least 4 times the mean of the 4 spans before, and 1 USD (alerts.abnormal).

        ## Models with unpriced calls

        | model | calls unpriced | input tokens | output tokens |
        | --- | ---: | ---: | ---: |
        | (none) | 2 | 500 | 50 |

        2 calls of these models have no known cost. Import a price for them.

        ## What changed

        Nothing: the same prices, the same policy, the same models.

        USD and percentages are rounded half to even (USD to 4 places); totals are sums of the exact amounts.
    "#]].assert_eq(&report.render(Format::Markdown));
}

#[test]
fn a_workspace_or_model_is_told_from_one_of_the_same_joined_name() {
    let pair = |first: &'static str, one: &str, second: &'static str, two: &str, cost: &str| Group {
        name: Some(format!("{one}/{two}").into()),
        filters: vec![(first, one.into()), (second, two.into())],
        ..group("", 1, cost)
    };
    let policy = policy();
    let workspace = |one, two, cost| pair("customer", one, "workspace", two, cost);
    let now = [workspace("a/b", "c", "8"), workspace("a", "b/c", "8")];
    // Of the first, 2 a span before, so 8 is four times as much; of the second 10, so it is less.
    let then = [workspace("a/b", "c", "8"), workspace("a", "b/c", "40")];
    let report = weekly(&WeeklyFigures {
        workspaces: &now,
        workspaces_before: &then,
        ..figures(&policy, &[], &[], &[])
    });
    let section = report.sections.iter().find(|section| section.key == "runaway_workspaces").unwrap();
    assert_eq!(section.rows.len(), 1);
    assert_eq!((&section.rows[0][0], &section.rows[0][3]), (&now[0].subject(), &Cell::usd(usd("2"))));
    let model = |one, two| pair("provider", one, "model", two, "1");
    let directory = tempfile::tempdir().unwrap();
    let store = crate::store::Store::open(directory.path()).unwrap();
    let changes = Changes::read(
        &store.reader().unwrap(),
        &policy.prices,
        week(),
        &[model("x", "y/z"), model("x/y", "z")],
        &[model("x/y", "z")],
    );
    assert_eq!(changes.unwrap().section().rows.len(), 1);
}

#[test]
fn a_time_that_is_no_week_is_not_called_one() {
    let policy = policy();
    let shown = |days: u64| {
        let range = Range { from: week().from, to: week().from + days * 86_400_000_000_000 };
        let report = weekly(&WeeklyFigures { range, ..figures(&policy, &[], &[], &[]) });
        let busy = weekly(&WeeklyFigures { range, ..figures(&policy, &customers(), &[], &[]) });
        report.render(Format::Markdown) + &busy.render(Format::Markdown)
    };
    for (days, words) in [(30, "the 30 days before"), (1, "the day before")] {
        let text = shown(days);
        assert!(text.contains(&format!("AI cost of {words}, USD")), "{text}");
        assert!(text.contains(&format!("no calls in {words} to compare with")), "{text}");
        assert!(!text.contains("week"), "{text}");
    }
    assert!(shown(7).contains("AI cost of the week before, USD"));
}
