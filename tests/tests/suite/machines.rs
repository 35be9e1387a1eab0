//! The state machines only sequence. What they say is held here against what the domain and the functions say.

mod failures;
mod inputs;
mod short_way;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use domain::settlement::course::Course;
use domain::settlement::step::Action;
use serde_json::Value;

/// One of `statemachines/`, as it stands there.
struct Machine(Value);

impl Machine {
    fn read(name: &str) -> Self {
        let path = format!("{}/../statemachines/{name}.asl.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    fn short() -> Self {
        Self::read("settlement-short")
    }

    fn long() -> Self {
        Self::read("settlement-long")
    }

    fn state(&self, name: &str) -> &Value {
        self.states()
            .get(name)
            .copied()
            .unwrap_or_else(|| panic!("there is no state {name}"))
    }

    fn states(&self) -> BTreeMap<&str, &Value> {
        let states = self.0["States"].as_object().expect("states");
        states.iter().map(|(name, state)| (name.as_str(), state)).collect()
    }

    fn tasks(&self) -> BTreeMap<&str, &Value> {
        let mut states = self.states();
        states.retain(|_, state| state["Type"] == "Task");
        states
    }

    /// Where a state can lead.
    fn ways(&self, name: &str) -> Vec<&str> {
        let state = self.state(name);
        let rules = ["Choices", "Catch"]
            .into_iter()
            .filter_map(|rules| state[rules].as_array())
            .flatten();
        let ways = rules
            .map(|rule| &rule["Next"])
            .chain(["Next", "Default"].into_iter().filter_map(|way| state.get(way)));
        ways.map(text).collect()
    }

    /// By word of `$.next`, the state it leads to.
    fn courses(&self) -> BTreeMap<&str, &str> {
        let choices = self.state("Next")["Choices"].as_array().expect("choices");
        let leads = |choice: &'_ Value| choice["Variable"] == "$.next";
        assert!(choices.iter().all(leads), "nothing but the next word decides");
        choices
            .iter()
            .map(|choice| (text(&choice["StringEquals"]), text(&choice["Next"])))
            .collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn seconds(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number of seconds"))
}

/// `undo_hold` is done in `UndoHold`.
fn state_of(word: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(capital).collect()
}

#[test]
fn every_way_leads_to_a_state_and_every_state_is_reached() {
    for machine in [Machine::short(), Machine::long()] {
        let (mut reached, mut ahead) = (BTreeSet::new(), vec![text(&machine.0["StartAt"])]);
        while let Some(name) = ahead.pop() {
            if reached.insert(name) {
                ahead.extend(machine.ways(name));
            }
        }
        assert_eq!(reached, machine.states().into_keys().collect());
    }
}

#[test]
fn the_long_machine_knows_every_course_and_no_other() {
    let machine = Machine::long();
    let courses = machine.courses();
    let known: BTreeSet<_> = Course::ALL.iter().map(|course| course.as_str()).collect();
    assert_eq!(courses.keys().copied().collect::<BTreeSet<_>>(), known);
    for course in Course::ALL {
        let (word, state) = (course.as_str(), courses[course.as_str()]);
        match course {
            Course::Act(_) | Course::Burn => {
                assert_eq!(state, state_of(word));
                assert_eq!(machine.state(state)["Parameters"]["do"], word);
            }
            // Whoever comes to wait calls people first: an execution that was resumed does, too.
            Course::AwaitDecision => assert_eq!(state, "Page"),
            Course::Wait => assert_eq!(state, "Pause"),
            Course::Park => assert_eq!(state, "MarkParked"),
            Course::Settled | Course::Compensated => assert_eq!(machine.state(state)["Type"], "Succeed"),
        }
    }
    let otherwise = text(&machine.state("Next")["Default"]);
    assert_eq!(machine.state(otherwise)["Type"], "Fail");
}

#[test]
fn whatever_a_task_answers_is_where_the_machine_goes() {
    for machine in [Machine::short(), Machine::long()] {
        for (name, task) in machine.tasks() {
            let is_function = task["Resource"]
                .as_str()
                .is_some_and(|resource| resource.starts_with("${"));
            let expected = match name {
                // Which looks at the word itself: another execution may have gone on.
                "MarkParked" => "Parked",
                _ if is_function => "Next",
                _ => continue,
            };
            assert_eq!(task["Next"], expected, "{name}");
            assert_eq!(
                task.get("ResultPath"),
                None,
                "{name}: the answer is the machine's whole state"
            );
        }
    }
    let (short, machine) = (Machine::short(), Machine::long());
    assert_eq!(machine.0["StartAt"], "Look");
    assert_eq!(short.state("HandOver")["Next"], "HandedOver");
    for (name, then) in [
        ("Page", "AwaitDecision"),
        ("AwaitLater", "AwaitDecision"),
        ("PageUnmarked", "MarkLater"),
        ("MarkLater", "Look"),
        ("LookLater", "Look"),
        ("Pause", "Look"),
    ] {
        assert_eq!(machine.state(name)["Next"], then);
    }
    assert_eq!(machine.state("Pause")["SecondsPath"], "$.wait_seconds");
    let parked = machine.state("Parked");
    assert_eq!(parked["Choices"].as_array().map(Vec::len), Some(1));
    assert_eq!(parked["Choices"][0]["StringEquals"], Course::Park.as_str());
    assert_eq!(parked["Choices"][0]["Next"], "Park");
    assert_eq!(parked["Default"], "Next");
}

#[test]
fn every_action_has_its_own_state_in_the_function_that_can_do_it() {
    let machine = Machine::long();
    for action in Action::ALL {
        let function = match action {
            Action::Step(_) => "${SettleStep}",
            Action::Undo(_) | Action::Resolve(_) => "${Compensate}",
        };
        assert_eq!(
            machine.state(&state_of(action.as_str()))["Resource"],
            function,
            "{action}"
        );
    }
    for (name, function, word) in [
        ("Look", "${SettleStep}", "look"),
        ("MarkParked", "${SettleStep}", "park"),
        ("MarkLimbo", "${Compensate}", "mark_limbo"),
    ] {
        let state = machine.state(name);
        assert_eq!(
            (&state["Resource"], &state["Parameters"]["do"]),
            (&function.into(), &word.into())
        );
    }
}
