//! Every course that a key of the gate can take, with claimants that die, are overtaken or come late, a gate that is
//! wiped, and a reconciliation beside them: it never calls wrong what came about by itself, and what it repairs is the
//! ledger's word.

#![allow(clippy::unwrap_used, reason = "what a test did not expect fails it")]

use std::collections::HashSet;

use domain::answer::{ANSWER_VERSION, Answer};
use domain::fingerprint::Fingerprint;
use domain::gate::{Event, Record, Standing, Status, TTL_SECONDS};
use domain::intent::Operation;
use domain::money::Amount;
use domain::outcome::Outcome;
use domain::reconciliation::gate::{Item, Verdict, Word};
use domain::recorded::Recorded;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

/// A minute: as long as a lease here, and as the margin.
const TICK_MS: i64 = 60_000;
const BEGAN_MS: i64 = 1_790_000_000_000;
/// Enough for a claim, a take-over and a judgement of each.
const LAST_TICK: i64 = 3;
/// The owner that a repair leaves.
const REPAIRER: u8 = 9;

/// The requests of three claimants under the one key: a retry of the first, and another intent.
const REQUESTS: [u8; 3] = [1, 1, 2];

/// The gate's item: whose it is, of which request, and whose answer it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kept {
    status: Status,
    owner: u8,
    request: u8,
    lease_until: i64,
    attempt: u8,
    answer: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Claimant {
    Idle,
    Meets(Kept),
    Claimed,
    Started,
    Decided(u8),
    Ended,
}

/// How far the reconciliation has come; with when it began to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reconciler {
    Idle,
    HasRead(Option<Kept>, i64, Option<u8>),
    Repairs(Kept, u8),
}

/// Which of the two is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    GateFirst,
    LedgerFirst,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    tick: i64,
    kept: Option<Kept>,
    row: Option<u8>,
    claimants: [Claimant; 3],
    reconciler: Reconciler,
}

impl World {
    /// All that can happen next. What never happens again is a death.
    fn successors(self, order: Order) -> Vec<Self> {
        let mut next = Vec::new();
        if self.tick < LAST_TICK {
            next.push(Self {
                tick: self.tick + 1,
                ..self
            });
        }
        if self.kept.is_some() {
            next.push(Self { kept: None, ..self });
        }
        for me in 0..3 {
            next.extend(self.claimant(me));
        }
        next.push(self.reconciler(order));
        next
    }

    fn claimant(self, me: usize) -> Vec<Self> {
        let owner = u8::try_from(me).unwrap();
        let request = REQUESTS[me];
        let now = |kept, stage| {
            let mut world = Self { kept, ..self };
            world.claimants[me] = stage;
            world
        };
        let fresh = |attempt| Kept {
            status: Status::Pending,
            owner,
            request,
            lease_until: self.tick + 1,
            attempt,
            answer: None,
        };
        let holds = |status| self.kept.filter(|kept| kept.owner == owner && kept.status == status);
        match self.claimants[me] {
            Claimant::Idle => vec![match self.kept {
                None => now(Some(fresh(1)), Claimant::Claimed),
                Some(kept) => match record(kept).standing(id(owner), print(request), ms(self.tick)) {
                    Standing::TakeOver => now(self.kept, Claimant::Meets(kept)),
                    Standing::Mine | Standing::Mismatch | Standing::Replay(_) | Standing::InProgress { .. } => {
                        now(self.kept, Claimant::Ended)
                    }
                },
            }],
            Claimant::Meets(dead) => vec![match self.kept {
                Some(kept) if (kept.owner, kept.attempt, kept.answer) == (dead.owner, dead.attempt, None) => {
                    now(Some(fresh(dead.attempt + 1)), Claimant::Claimed)
                }
                Some(_) | None => now(self.kept, Claimant::Ended),
            }],
            Claimant::Claimed => vec![match holds(Status::Pending) {
                Some(kept) => {
                    let status = kept.status.next(Event::Start).unwrap();
                    now(Some(Kept { status, ..kept }), Claimant::Started)
                }
                None => now(self.kept, Claimant::Ended),
            }],
            Claimant::Started => {
                let decided = self.row.unwrap_or(request);
                let posted = Self {
                    row: Some(decided),
                    ..now(self.kept, Claimant::Decided(decided))
                };
                let released = holds(Status::Processing).map(|kept| Kept {
                    lease_until: self.tick,
                    ..kept
                });
                vec![posted, now(released.or(self.kept), Claimant::Ended)]
            }
            Claimant::Decided(decided) => {
                let completed = holds(Status::Processing).map(|kept| Kept {
                    status: kept.status.next(Event::Complete).unwrap(),
                    request: decided,
                    answer: Some(decided),
                    ..kept
                });
                vec![now(completed.or(self.kept), Claimant::Ended)]
            }
            Claimant::Ended => vec![],
        }
    }

    fn reconciler(self, order: Order) -> Self {
        let then = |reconciler| Self { reconciler, ..self };
        match (self.reconciler, order) {
            (Reconciler::Idle, Order::GateFirst) => then(Reconciler::HasRead(self.kept, self.tick, None)),
            (Reconciler::Idle, Order::LedgerFirst) => then(Reconciler::HasRead(None, self.tick, self.row)),
            (Reconciler::HasRead(kept, since, _), Order::GateFirst) => then(judge(kept, self.row, since)),
            (Reconciler::HasRead(_, since, row), Order::LedgerFirst) => then(judge(self.kept, row, since)),
            (Reconciler::Repairs(dead, decided), _) => Self {
                kept: self.kept.map(|kept| {
                    if kept != dead {
                        return kept;
                    }
                    Kept {
                        status: kept.status.next(Event::Repair).unwrap(),
                        owner: REPAIRER,
                        request: decided,
                        answer: Some(decided),
                        ..kept
                    }
                }),
                reconciler: Reconciler::Idle,
                ..self
            },
        }
    }

    /// What is answered to whoever asks is what the ledger decided.
    fn holds(&self) {
        if let Some(kept) = self.kept {
            assert_eq!(kept.answer.is_some(), kept.status == Status::Complete, "{self:?}");
            if kept.answer.is_some() {
                assert_eq!((kept.answer, Some(kept.request)), (self.row, self.row), "{self:?}");
            }
        }
    }
}

fn judge(kept: Option<Kept>, row: Option<u8>, since: i64) -> Reconciler {
    let Some(kept) = kept else { return Reconciler::Idle };
    let item = Item {
        tenant: Uuid::nil().into(),
        key: client_key(),
        record: record(kept),
    };
    let row = row.map(|request| recorded(&item, request));
    let word = row.as_ref().map_or(Word::Nothing, Word::Decided);
    match item.against(word, ms(since)) {
        Verdict::Wrong(wrong) => panic!("false alarm: {wrong:?} of {kept:?}"),
        Verdict::Repair { fingerprint, answer } => {
            let row = row.unwrap();
            assert_eq!((fingerprint, answer), (row.fingerprint, Answer::of(&row).unwrap()));
            Reconciler::Repairs(kept, row.fingerprint.as_bytes()[0])
        }
        Verdict::Young | Verdict::Expired | Verdict::Sound | Verdict::Abandoned => Reconciler::Idle,
    }
}

fn ms(tick: i64) -> i64 {
    BEGAN_MS + tick * TICK_MS
}

fn id<Id: From<Uuid>>(number: u8) -> Id {
    Uuid::from_u128(number.into()).into()
}

fn print(request: u8) -> Fingerprint {
    Fingerprint::from([request; 32])
}

fn client_key() -> domain::ids::ClientKey {
    let at = u128::try_from(BEGAN_MS).unwrap();
    Uuid::from_u128(at << 80 | 0x7000_8000_0000_0000_0001).into()
}

fn record(kept: Kept) -> Record {
    Record {
        status: kept.status,
        owner: id(kept.owner),
        lease_until_ms: ms(kept.lease_until),
        attempt: kept.attempt.into(),
        fingerprint: print(kept.request),
        answer: kept.answer.map(|request| {
            let item = Item {
                tenant: Uuid::nil().into(),
                key: client_key(),
                record: record(Kept { answer: None, ..kept }),
            };
            Answer::of(&recorded(&item, request)).unwrap()
        }),
        expires_at_s: ms(kept.lease_until) / 1000 + TTL_SECONDS,
    }
}

/// The row of a request: its amount tells it from the other.
fn recorded(item: &Item, request: u8) -> Recorded {
    Recorded {
        ledger_key: item.ledger_key(),
        tenant: item.tenant,
        operation: Operation::Payment,
        fingerprint: print(request),
        outcome: Outcome::Posted,
        source: id(1),
        destination: id(2),
        amount: Amount::new(request.into()).unwrap(),
        currency: "EUR".parse().unwrap(),
        details: json!({"metadata": {}}),
        answer_version: ANSWER_VERSION,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// Visits every world that can come about; returns how many there are, and in how many something was being repaired.
fn explore(order: Order) -> (usize, usize) {
    let began = World {
        tick: 0,
        kept: None,
        row: None,
        claimants: [Claimant::Idle; 3],
        reconciler: Reconciler::Idle,
    };
    let mut seen = HashSet::from([began]);
    let mut open = vec![began];
    while let Some(world) = open.pop() {
        world.holds();
        open.extend(world.successors(order).into_iter().filter(|next| seen.insert(*next)));
    }
    let repairs = |world: &&World| matches!(world.reconciler, Reconciler::Repairs(..));
    (seen.len(), seen.iter().filter(repairs).count())
}

#[test]
fn whatever_becomes_of_a_key_nothing_sound_is_called_wrong_and_repairs_are_the_ledgers_word() {
    let (worlds, repairs) = explore(Order::GateFirst);
    println!("{worlds} worlds, {repairs} repairs");
    assert!(worlds > 10_000 && repairs > 1000, "{worlds} worlds, {repairs} repairs");
}

/// The model finds what it is for: a completion that comes between the two looks.
#[test]
#[should_panic(expected = "false alarm: WithoutOutcome")]
fn to_ask_the_ledger_first_would_raise_false_alarms() {
    explore(Order::LedgerFirst);
}
