//! Erasure: whoever is erased is gone from wherever they were, for good and provably, and the books do not notice.

mod apart;
mod asking;
mod beginners;
mod crowd;
mod deployed;
mod evidence;
mod holds;
mod kept;
mod killed;
mod neighbours;
mod races;
mod restored;
pub mod scene;
mod still;
mod traces;
mod twice;
