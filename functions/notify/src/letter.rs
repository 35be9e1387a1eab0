//! What a merchant reads about an event.

use adapters::mail::Mail;
use domain::email_address::EmailAddress;
use domain::event::{Event, Settlement, Subject};
use domain::ids::{AccountId, LedgerKey};
use domain::money::Money;
use time::UtcOffset;
use time::macros::format_description;

/// Every delivery is at least once, and mail is no exception (docs/events.md).
const NOTE: &str = "This message can reach you more than once. It is about the same event then, and the same money.";

/// The mail about an event: the amount in its currency's own decimals, ids and the time, and nothing about a person.
pub fn about(event: &Event, to: EmailAddress) -> Mail {
    let moved = Moved::of(event.subject());
    let sentence = format!("A {} of {} {}.", moved.name.to_lowercase(), moved.money, moved.became);
    let rows = [
        (moved.name, moved.id.to_string()),
        ("From account", moved.source.to_string()),
        ("To account", moved.destination.to_string()),
        ("Time", time_of(event)),
        ("Event", event.id().to_string()),
    ];
    Mail {
        to,
        subject: format!("{} {}", moved.money, moved.verb),
        text: text(&sentence, &rows),
        html: html(&sentence, &rows),
    }
}

/// What the kinds of event have in common for a reader.
struct Moved {
    name: &'static str,
    verb: &'static str,
    became: &'static str,
    id: LedgerKey,
    source: AccountId,
    destination: AccountId,
    money: Money,
}

impl Moved {
    fn of(subject: &Subject) -> Self {
        match subject {
            Subject::PaymentPosted { payment } => Self {
                name: "Payment",
                verb: "paid",
                became: "was posted",
                id: payment.payment_id,
                source: payment.source,
                destination: payment.destination,
                money: payment.amount.of(payment.currency),
            },
            Subject::DepositPosted { deposit } => Self {
                name: "Deposit",
                verb: "deposited",
                became: "was posted",
                id: deposit.deposit_id,
                source: deposit.source,
                destination: deposit.destination,
                money: deposit.amount.of(deposit.currency),
            },
            Subject::RefundPosted { refund } => Self {
                name: "Refund",
                verb: "refunded",
                became: "was posted",
                id: refund.refund_id,
                source: refund.source,
                destination: refund.destination,
                money: refund.amount.of(refund.currency),
            },
            Subject::ReversalPosted { reversal } => Self {
                name: "Reversal",
                verb: "reversed",
                became: "was posted",
                id: reversal.reversal_id,
                source: reversal.source,
                destination: reversal.destination,
                money: reversal.amount.of(reversal.currency),
            },
            Subject::SettlementRequested { settlement } => {
                Self::settlement(settlement, "to be settled", "was accepted")
            }
            Subject::SettlementLimbo { settlement } => Self::settlement(
                settlement,
                "on hold",
                "could neither be finished nor undone. We are looking into it; until then your accounts in this ledger accept no \
                 new payments",
            ),
            Subject::SettlementSettled { settlement } => {
                Self::settlement(settlement, "settled", "was paid to your account, and our fee collected")
            }
            Subject::SettlementCompensated { settlement } => {
                Self::settlement(settlement, "given back", "did not go through: the buyer has the money")
            }
        }
    }

    fn settlement(settlement: &Settlement, verb: &'static str, became: &'static str) -> Self {
        Self {
            name: "Settlement",
            verb,
            became,
            id: settlement.settlement_id,
            source: settlement.source,
            destination: settlement.destination,
            money: settlement.amount.of(settlement.currency),
        }
    }
}

type Row = (&'static str, String);

fn text(sentence: &str, rows: &[Row]) -> String {
    let row = |(name, value): &Row| format!("{name:<14}{value}\n");
    let rows = rows.iter().map(row).collect::<Vec<_>>().concat();
    format!("{sentence}\n\n{rows}\n{NOTE}\n")
}

fn html(sentence: &str, rows: &[Row]) -> String {
    let (sentence, note) = (escaped(sentence), escaped(NOTE));
    let row = |(name, value): &Row| {
        let (name, value) = (escaped(name), escaped(value));
        format!("<tr><th align=\"left\">{name}</th><td>{value}</td></tr>\n")
    };
    let rows = rows.iter().map(row).collect::<Vec<_>>().concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{sentence}</title></head><body>\n\
         <p>{sentence}</p>\n<table cellpadding=\"4\">\n{rows}</table>\n<p>{note}</p>\n</body></html>\n"
    )
}

/// Nothing above can hold markup today. It is escaped all the same: what is added to a mail tomorrow may.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// To the second: the microseconds are in the event.
fn time_of(event: &Event) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let at = event.occurred_at().to_offset(UtcOffset::UTC);
    // Writing numbers into a string fails for no time there is.
    at.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use domain::event::{Announced, EventType};
    use domain::money::Amount;
    use time::macros::datetime;
    use uuid::uuid;

    use super::*;

    fn mail(event_type: EventType, amount: i64, currency: &str) -> Mail {
        let event = Event::from(Announced {
            tenant: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000000").into(),
            ledger_key: uuid!("0192f0c1-2b3a-8c4d-8e5f-60718293a4b5").into(),
            sequence: 1,
            event_type,
            source: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000001").into(),
            destination: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000002").into(),
            amount: Amount::new(amount).unwrap(),
            currency: currency.parse().unwrap(),
            fee: 88,
            payment: uuid!("0192f0c1-2b3a-8c4d-8e5f-000000000009").into(),
            occurred_at: datetime!(2026-02-03 04:05:06.7 +02:00),
        });
        about(&event, "billing@example.com".parse().unwrap())
    }

    #[test]
    fn a_payments_mail_says_how_much_from_where_to_where_and_when() {
        let mail = mail(EventType::PaymentPosted, 1250, "EUR");
        assert_eq!(mail.subject, "EUR 12.50 paid");
        assert_eq!(
            mail.text,
            "A payment of EUR 12.50 was posted.\n\n\
             Payment       0192f0c1-2b3a-8c4d-8e5f-60718293a4b5\n\
             From account  0192f0c1-2b3a-7c4d-8e5f-000000000001\n\
             To account    0192f0c1-2b3a-7c4d-8e5f-000000000002\n\
             Time          2026-02-03 02:05:06 UTC\n\
             Event         0192f0c1-2b3a-84c8-831a-feea1ca2271e\n\n\
             This message can reach you more than once. It is about the same event then, and the same money.\n"
        );
    }

    #[test]
    fn a_corrections_mail_says_what_was_given_back() {
        for (event_type, subject, sentence) in [
            (
                EventType::RefundPosted,
                "EUR 12.50 refunded",
                "A refund of EUR 12.50 was posted.",
            ),
            (
                EventType::ReversalPosted,
                "EUR 12.50 reversed",
                "A reversal of EUR 12.50 was posted.",
            ),
        ] {
            let mail = mail(event_type, 1250, "EUR");
            assert_eq!(mail.subject, subject);
            assert_eq!(mail.text.lines().next(), Some(sentence));
        }
    }

    #[test]
    fn a_settlements_mail_says_what_became_of_it() {
        for (event_type, subject, sentence) in [
            (
                EventType::SettlementSettled,
                "EUR 12.50 settled",
                "A settlement of EUR 12.50 was paid to your account, and our fee collected.",
            ),
            (
                EventType::SettlementCompensated,
                "EUR 12.50 given back",
                "A settlement of EUR 12.50 did not go through: the buyer has the money.",
            ),
            (
                EventType::SettlementLimbo,
                "EUR 12.50 on hold",
                "A settlement of EUR 12.50 could neither be finished nor undone. We are looking into it; until then your \
                 accounts in this ledger accept no new payments.",
            ),
        ] {
            let mail = mail(event_type, 1250, "EUR");
            assert_eq!(mail.subject, subject);
            assert_eq!(mail.text.lines().next(), Some(sentence));
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(
            mail(EventType::DepositPosted, 1250, "JPY").subject,
            "JPY 1250 deposited"
        );
        assert_eq!(mail(EventType::PaymentPosted, 1250, "KWD").subject, "KWD 1.250 paid");
    }

    #[test]
    fn both_forms_say_the_same() {
        let mail = mail(EventType::DepositPosted, 1, "EUR");
        let lines = mail.text.lines().filter(|line| !line.is_empty());
        let values: Vec<_> = lines.map(|line| line.split("  ").last().unwrap().trim()).collect();
        assert_eq!(values.len(), 7);
        for value in values {
            assert!(mail.html.contains(value), "{value} is missing in {}", mail.html);
        }
    }

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        let html = html("<b>", &[("a&b", "\"'</td>".to_owned())]);
        assert!(html.contains("<p>&lt;b&gt;</p>"), "{html}");
        assert!(html.contains("a&amp;b</th><td>&quot;&#39;&lt;/td&gt;</td>"), "{html}");
    }
}
