//! Where the machines' tasks arrive, and what becomes of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::kyc_simulator::KycSimulator;
use tests::lambda::{Function, Unanswered};
use tests::relay::Reply;
use uuid::Uuid;

use crate::kyc::table::Table;

/// The functions that the machines call.
pub const FUNCTIONS: [&str; 3] = ["settle-step", "compensate", "await-decision"];
/// Processes of each: several settlements are under way at once.
const PROCESSES: usize = 3;

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails by this name, and nothing was done.
    Before(&'static str),
    /// The function dies when all is done.
    After,
    /// All is done, and the function does not know.
    Unknown,
    /// All is done, and nothing is said until the time is over.
    Silence,
    /// It is done twice side by side, and the second says so.
    Twice,
    /// It fails, and is done before another task of the settlement is.
    Soon,
    /// It fails, and is done when the settlement is being undone or waits for people.
    Late,
    /// Nothing is done and nothing is said until the test says otherwise.
    Held,
}

/// A fault with the next so many calls of one action.
#[derive(Clone, Debug)]
struct Plan {
    action: &'static str,
    fault: Fault,
    times: usize,
}

/// A call as it came.
#[derive(Clone, Debug)]
struct Call {
    function: String,
    action: String,
    event: Value,
}

#[derive(Debug, Default)]
struct Course {
    plans: Vec<Plan>,
    /// Calls that failed and are still to be done.
    soon: Vec<Call>,
    late: Vec<Call>,
    /// What came, what was answered, by name and in order; and where that led.
    asked: Vec<String>,
    answered: Vec<String>,
    told: Vec<String>,
}

/// Everything that the machines ask of one stage.
#[derive(Debug)]
pub struct Desk {
    processes: HashMap<&'static str, Vec<Function>>,
    turn: AtomicUsize,
    courses: Mutex<HashMap<Uuid, Course>>,
}

impl Desk {
    /// Starts the real functions on the ledger of `cloud`, with a provider and a breaker of their own.
    pub async fn start(cloud: &Cloud, kyc: &KycSimulator) -> Arc<Self> {
        let breakers = Table::new().await;
        let mut processes = HashMap::new();
        for function in FUNCTIONS {
            let several = processes.entry(function).or_insert_with(Vec::new);
            for _ in 0..PROCESSES {
                let setup = Function::of(cloud, function)
                    .set("DATABASE_NAME", &cloud.postgres.database)
                    .set("KYC_ORIGIN", kyc.origin())
                    .set("BREAKER_TABLE", &breakers.name);
                several.push(setup.start().await.unwrap());
            }
        }
        Arc::new(Self {
            processes,
            turn: AtomicUsize::default(),
            courses: Mutex::default(),
        })
    }

    /// From now on: so many calls of this action of the settlement go wrong so.
    pub fn plan(&self, settlement: Uuid, action: &'static str, fault: Fault, times: usize) {
        let plan = Plan { action, fault, times };
        self.courses().entry(settlement).or_default().plans.push(plan);
    }

    /// From now on, all goes well with this action of the settlement.
    pub fn relent(&self, settlement: Uuid, action: &str) {
        let mut courses = self.courses();
        let plans = &mut courses.entry(settlement).or_default().plans;
        plans.retain(|plan| plan.action != action);
    }

    /// What was asked about the settlement so far, in order.
    pub fn asked(&self, settlement: Uuid) -> Vec<String> {
        self.courses().entry(settlement).or_default().asked.clone()
    }

    /// Where its executions were told to go so far, in order.
    pub fn told(&self, settlement: Uuid) -> Vec<String> {
        self.courses().entry(settlement).or_default().told.clone()
    }

    /// How often an execution has begun to wait for people; `None` unless that was the last that happened.
    pub fn awaits_decision(&self, settlement: Uuid) -> Option<usize> {
        let awaits = |action: &&String| *action == "await_decision";
        let mut courses = self.courses();
        let answered = &courses.entry(settlement).or_default().answered;
        answered.last().filter(awaits)?;
        Some(answered.iter().filter(awaits).count())
    }

    /// Does what was left for later.
    pub async fn do_what_is_left(&self, settlement: Uuid) {
        let left = {
            let mut courses = self.courses();
            let course = courses.entry(settlement).or_default();
            let mut left = std::mem::take(&mut course.soon);
            left.append(&mut course.late);
            left
        };
        self.all(left).await;
    }

    /// Carries out one action as an execution would that is long past.
    pub async fn carry_out(&self, function: &str, event: &Value) -> Result<Value, Unanswered> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let several = &self.processes[function];
        several[turn % several.len()].invoke(event).await
    }

    /// What becomes of a task.
    pub async fn take(&self, function: String, event: Value) -> Reply {
        let action = event["do"].as_str().unwrap_or("await_decision").to_owned();
        let call = Call {
            function,
            action,
            event,
        };
        let settlement = call.event["settlement_id"].as_str().unwrap_or_default();
        let settlement: Uuid = settlement.parse().expect("a task names its settlement");
        let (due, fault) = self.courses().entry(settlement).or_default().comes(&call);
        self.all(due).await;
        let reply = self.befall(settlement, &call, fault).await;
        let mut courses = self.courses();
        let course = courses.entry(settlement).or_default();
        course.answered.push(call.action);
        if let Reply::Answer(answer) = &reply {
            course.told.push(answer["next"].as_str().unwrap_or_default().to_owned());
        }
        drop(courses);
        reply
    }

    async fn befall(&self, settlement: Uuid, call: &Call, fault: Option<Fault>) -> Reply {
        match fault {
            None => self.reply(call).await,
            Some(Fault::Before(name)) => Reply::failure(name),
            Some(Fault::After) => {
                self.reply(call).await;
                Reply::Crash
            }
            Some(Fault::Unknown) => {
                self.reply(call).await;
                Reply::failure("OutcomeUnknown")
            }
            Some(Fault::Silence) => {
                self.reply(call).await;
                Reply::Silence
            }
            Some(Fault::Twice) => tokio::join!(self.reply(call), self.reply(call)).1,
            Some(fault @ (Fault::Soon | Fault::Late)) => {
                let mut courses = self.courses();
                let course = courses.entry(settlement).or_default();
                let left = if fault == Fault::Soon {
                    &mut course.soon
                } else {
                    &mut course.late
                };
                left.push(call.clone());
                Reply::failure("Defect")
            }
            Some(Fault::Held) => Reply::Silence,
        }
    }

    async fn reply(&self, call: &Call) -> Reply {
        match self.carry_out(&call.function, &call.event).await {
            Ok(answer) => Reply::Answer(answer),
            Err(Unanswered::Failed(error)) => Reply::Failure(error),
            Err(other) => Reply::Failure(json!({"errorType": "Harness", "errorMessage": other.to_string()})),
        }
    }

    /// Nobody hears the answers.
    async fn all(&self, calls: Vec<Call>) {
        for call in calls {
            self.reply(&call).await;
        }
    }

    fn courses(&self) -> MutexGuard<'_, HashMap<Uuid, Course>> {
        self.courses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    /// What has to be done before this call, and what goes wrong with it.
    fn comes(&mut self, call: &Call) -> (Vec<Call>, Option<Fault>) {
        self.asked.push(call.action.clone());
        let mut due = take_others(&mut self.soon, call);
        if ["undo_release", "undo_hold", "await_decision"].contains(&call.action.as_str()) {
            due.append(&mut take_others(&mut self.late, call));
        }
        let plan = self
            .plans
            .iter_mut()
            .find(|plan| plan.action == call.action && plan.times > 0);
        let fault = plan.map(|plan| {
            plan.times -= 1;
            plan.fault.clone()
        });
        (due, fault)
    }
}

/// Takes those that are of another action than `call`.
fn take_others(from: &mut Vec<Call>, call: &Call) -> Vec<Call> {
    let (others, own) = from.drain(..).partition(|left| left.action != call.action);
    *from = own;
    others
}
