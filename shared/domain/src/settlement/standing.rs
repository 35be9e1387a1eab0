//! What a log says to people: what was done, what was not, and where the money is.

use super::log::{StepLog, StepOutcome};
use super::step::{Action, Party, Step, Sum};
use crate::money::Amount;

impl StepLog {
    /// The actions that took effect, in the order of [`Action::ALL`].
    pub fn committed(&self) -> impl Iterator<Item = Action> {
        let took_effect = |&action: &Action| self.outcome(action).is_some_and(StepOutcome::succeeded);
        Action::ALL.into_iter().filter(took_effect)
    }

    /// The steps that did not, in order: refused, rejected, burnt, or not yet carried out.
    pub fn uncommitted(&self) -> impl Iterator<Item = Step> {
        self.steps()
            .filter(|&step| !self.outcome(step).is_some_and(StepOutcome::succeeded))
    }

    /// Who has how much of `amount`, in minor units: whoever has any of it, in the order in which it passes from one to
    /// the next. Every posting of the log is followed, so the shares always add up to the amount.
    pub fn shares(&self, amount: Amount, fee: i64) -> impl Iterator<Item = (Party, i64)> {
        let has = move |party: Party| {
            let began_with = if party == Party::Buyer { amount.minor() } else { 0 };
            let posted = Action::ALL
                .into_iter()
                .filter(|&action| self.outcome(action) == Some(StepOutcome::Posted));
            let moved = posted.filter_map(Action::leg).map(|leg| {
                let minor = match leg.sum {
                    Sum::Amount => amount.minor(),
                    Sum::Fee => fee,
                };
                minor * (i64::from(leg.to == party) - i64::from(leg.from == party))
            });
            began_with + moved.sum::<i64>()
        };
        let parties = [Party::Buyer, Party::Escrow, Party::Merchant, Party::Platform];
        parties
            .into_iter()
            .map(move |party| (party, has(party)))
            .filter(|(_, share)| *share != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settlement::log::Holder;

    fn names(all: impl Iterator<Item = impl ToString>) -> String {
        all.map(|it| it.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_log_tells_what_was_done_what_was_not_and_where_the_money_is() {
        let held = "hold=posted verify=rejected release=burnt collect_fee=burnt";
        let stuck = "hold=posted verify=approved release=posted collect_fee=burnt";
        let table = [
            ("", "", "hold verify release collect_fee", vec![(Party::Buyer, 400)]),
            (held, "hold", "verify release collect_fee", vec![(Party::Escrow, 400)]),
            (
                stuck,
                "hold verify release",
                "collect_fee",
                vec![(Party::Merchant, 400)],
            ),
            (
                &format!("{stuck} undo_release=posted"),
                "hold verify release undo_release",
                "collect_fee",
                vec![(Party::Escrow, 400)],
            ),
            (
                &format!("{stuck} undo_release=posted undo_hold=posted"),
                "hold verify release undo_release undo_hold",
                "collect_fee",
                vec![(Party::Buyer, 400)],
            ),
            (
                &format!("{stuck} resolve_fee=posted"),
                "hold verify release resolve_fee",
                "collect_fee",
                vec![(Party::Merchant, 390), (Party::Platform, 10)],
            ),
            (
                &format!("{held} resolve_release=posted resolve_fee=posted"),
                "hold resolve_release resolve_fee",
                "verify release collect_fee",
                vec![(Party::Merchant, 390), (Party::Platform, 10)],
            ),
            (
                "hold=posted verify=approved release=posted collect_fee=posted",
                "hold verify release collect_fee",
                "",
                vec![(Party::Merchant, 390), (Party::Platform, 10)],
            ),
        ];
        for (rows, committed, uncommitted, shares) in table {
            let log = StepLog::of(true, rows).unwrap();
            assert_eq!(names(log.committed()), committed, "{rows}");
            assert_eq!(names(log.uncommitted()), uncommitted, "{rows}");
            assert_eq!(
                log.shares(Amount::new(400).unwrap(), 10).collect::<Vec<_>>(),
                shares,
                "{rows}"
            );
            let holder = match log.holder() {
                Holder::Buyer => Party::Buyer,
                Holder::Escrow => Party::Escrow,
                Holder::Merchant => Party::Merchant,
            };
            assert_eq!(shares[0].0, holder, "{rows}");
        }
    }

    #[test]
    fn a_settlement_that_is_all_fee_leaves_nothing_to_the_merchant() {
        let log = StepLog::of(true, "hold=posted verify=approved release=posted collect_fee=posted").unwrap();
        let shares: Vec<_> = log.shares(Amount::new(30).unwrap(), 30).collect();
        assert_eq!(shares, [(Party::Platform, 30)]);
    }
}
