//! Waiting for what can only be asked for.

use std::time::{Duration, Instant};

/// Longer than anything takes that comes at all, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// The shortest and the longest time from one answer to the next question.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Asks until there is an answer, for two minutes. Panics with what `otherwise` says if there is none by then.
pub async fn until<T, Asking>(ask: impl Fn() -> Asking, otherwise: impl FnOnce() -> String) -> T
where
    Asking: Future<Output = Option<T>>,
{
    within(PATIENCE, ask, otherwise).await
}

/// As [`until`], for what takes time-outs and retries of its own.
pub async fn within<T, Asking>(patience: Duration, ask: impl Fn() -> Asking, otherwise: impl FnOnce() -> String) -> T
where
    Asking: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        let passed = began.elapsed();
        assert!(passed < patience, "not within {patience:?}: {}", otherwise());
        // A twentieth more than it takes: nobody is held up by it, and asking takes nothing from what it waits for.
        tokio::time::sleep((passed / 20).clamp(PAUSES.0, PAUSES.1)).await;
    }
}
