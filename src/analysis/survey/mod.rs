//! Asking one server what it does with keys: right ones, wrong ones, unknown ones, none.
//!
//! ```text
//!  Stimulus -> Question -> (network) -> Reply -> Seen | Flaw -> Told, for each stimulus
//!                                                                 |
//!                              KeyVerdict, Profile and its Class, Guess -> Outcome
//! ```
//!
//! [`Survey`] is a plan of `probe`: no socket, no clock. It asks in rounds, whose order is drawn and in which controls
//! stand at places that are drawn, too. What stays silent is asked again: silence is told as a fact when neither the loss
//! that was seen can explain it, nor a limit that drops requests whatever they are.

mod attempt;
mod draw;
mod exposure;
mod family;
mod loss;
mod outcome;
mod pacing;
mod reply;
mod rounds;
mod run;
mod silence;
mod stimulus;
mod verdict;

pub use attempt::Stop;
pub use draw::Draw;
pub use exposure::{Exposure, printable};
pub use family::{Certainty, Guess};
pub use outcome::{KeyOutcome, Outcome, Row, TargetVerdict, Told};
pub use pacing::Pacing;
pub use reply::{Flaw, Seen, ServerClock};
pub use run::{Settings, Survey};
pub use stimulus::{Extent, Stimulus};
pub use verdict::{Checks, KeyVerdict};
