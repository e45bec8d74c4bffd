//! Reports: from the ledger's aggregates to tables, and from tables to JSON, CSV, Markdown and text. The only room
//! that rounds, half to even, and says so. Reads figures that others counted; counts nothing itself.

mod answer;
mod behind;
mod breakdown;
mod caps;
mod channels;
mod code;
mod drift;
mod figures;
mod filter;
mod margin;
mod money;
mod read;
mod render;
mod revenue;
mod table;
mod tasks;
mod unpriced;
mod waste;
mod weekly;
mod words;

pub use answer::{Kind, NoOriginalCosts, Question, RangeError, UnknownReport, answer};
pub use behind::{Behind, List, ListFilters, behind};
pub use breakdown::{By, breakdown};
pub use caps::{cap_states, is_about_customer};
pub use code::code_parts;
pub use figures::{CapState, Costs, Group, Point, Range, Totals, Waste};
pub use filter::Filter;
pub use margin::{CustomerMargin, PlanMargin, customer_margins, plan_margins};
pub use money::quotient;
pub use read::{Dimension, before, first_hour, groups, series, week_of, whole_days};
pub use render::{Format, UnknownFormat};
pub use revenue::{Paid, Payers, Reported};
pub use table::{Cell, Column, Report, Section, dollars};
pub use tasks::{TaskGroup, TasksBy, task_groups, tasks};
pub use unpriced::{Ends, UnpricedGroup, is_mended_by_a_price, unpriced, unpriced_groups, what_to_do};
pub use waste::waste;
pub use weekly::{Changes, SPANS, WeeklyFigures, weekly};

#[cfg(test)]
mod tests;
