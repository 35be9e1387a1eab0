//! What keys are kept in memory, and for how long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than this are not kept: then all are forgotten. A function meets a few hundred customers a minute.
const MOST: usize = 1024;

/// Values by name, each forgotten a stated time after it was learnt, however often it is used. Dropping a value is what
/// overwrites it; a value in use lives as long as its user.
pub(super) struct Cache<K, V> {
    kept: Mutex<HashMap<K, Kept<V>>>,
    lives: Duration,
}

struct Kept<V> {
    since: Instant,
    value: Arc<V>,
}

impl<K: Eq + Hash, V> Cache<K, V> {
    pub(super) fn lasting(lives: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            lives,
        }
    }

    /// A value that is young enough, and when it was learnt. Whatever is too old is dropped, asked for or not.
    pub(super) fn get(&self, name: &K) -> Option<(Instant, Arc<V>)> {
        let mut kept = self.forget_the_old();
        kept.get_mut(name).map(|kept| (kept.since, Arc::clone(&kept.value)))
    }

    /// Keeps a value that was learnt at `since`, or from something that was: before it was asked for, not after.
    pub(super) fn keep(&self, name: K, since: Instant, value: Arc<V>) {
        let mut kept = self.forget_the_old();
        if since.elapsed() < self.lives {
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(name, Kept { since, value });
        }
    }

    pub(super) fn forget(&self, name: &K) {
        self.forget_the_old().remove(name);
    }

    fn forget_the_old(&self) -> MutexGuard<'_, HashMap<K, Kept<V>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.since.elapsed() < self.lives);
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn a_value_is_forgotten_by_its_age_and_not_by_its_use() {
        let young = Cache::lasting(Duration::from_hours(1));
        young.keep(1, Instant::now(), Arc::new("key"));
        assert!(young.get(&1).is_some());

        let cache = Cache::lasting(Duration::from_millis(80));
        let value = Arc::new("key");
        cache.keep(1, Instant::now(), Arc::clone(&value));
        for _ in 0..8 {
            drop(cache.get(&1));
            // Used all the time until it is too old: nothing here has to be quick.
            sleep(Duration::from_millis(15));
        }
        // Another's question is enough: nothing old stays in memory for want of one.
        assert!(cache.get(&2).is_none());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn what_was_learnt_from_an_old_value_is_as_old() {
        let cache = Cache::lasting(Duration::from_millis(30));
        let since = Instant::now();
        // Older than it may become.
        sleep(Duration::from_millis(40));
        cache.keep(1, since, Arc::new("key"));
        assert!(cache.get(&1).is_none());
    }

    #[test]
    fn no_more_are_kept_than_a_function_meets() {
        let cache = Cache::lasting(Duration::from_mins(1));
        for name in 0..=MOST {
            cache.keep(name, Instant::now(), Arc::new(name));
        }
        assert!(cache.get(&0).is_none() && cache.get(&MOST).is_some());
        cache.forget(&MOST);
        assert!(cache.get(&MOST).is_none());
    }
}
