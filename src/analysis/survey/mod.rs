//! Asking one server what it does with keys: right ones, wrong ones, unknown ones, none.
//!
//! ```text
//!  Stimulus -> Question -> (network) -> Reply -> Seen | Flaw -> Told, for each stimulus
//!                                                                 |
//!                              KeyVerdict, Profile and its Class, Guess -> Outcome
//! ```
//!
//! [`Survey`] is a plan of `probe`: no socket, no clock. Controls stand between the stimuli, and what stays silent is
//! asked again: silence is told as a fact when the loss that was seen cannot explain it, and when something was
//! answered afterwards.

mod draw;
mod exposure;
mod family;
mod loss;
mod outcome;
mod pacing;
mod reply;
mod run;
mod stimulus;
mod verdict;

pub use draw::Draw;
pub use exposure::Exposure;
pub use family::{Certainty, Guess};
pub use outcome::{KeyOutcome, Outcome, Row, TargetVerdict, Told};
pub use pacing::Pacing;
pub use reply::{Flaw, Seen};
pub use run::{Settings, Stop, Survey};
pub use stimulus::{Extent, Stimulus};
pub use verdict::KeyVerdict;
