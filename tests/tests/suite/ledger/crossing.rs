//! What the functions' roles can call, called for one tenant with what is another's: as the functions' own statements could
//! be if everything above them were wrong.

use std::collections::BTreeSet;

use tests::cloud::Cloud;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use super::roles::LOGINS;
use super::settlement::scene::{FORWARD, Settlement};
use super::statements::name_of;

/// The roles whose calls are for one tenant.
const ROLES: [&str; 4] = ["poster", "settler", "registrar", "reader"];

/// What these do is nobody's in particular: `roles.rs` says who may call what.
const OF_THE_HOUSE: [&str; 7] = [
    "resumer", "folder", "poller", "operator", "matcher", "eraser", "auditor",
];

const CALLABLE: &str = "
    SELECT r.rolname::text, p.proname::text FROM pg_proc p, pg_roles r
     WHERE p.pronamespace = 'ledger'::regnamespace AND r.rolname = ANY ($1)
       AND has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1, 2";

/// What one tenant has.
#[derive(Clone, Copy)]
struct Held {
    settlement: Uuid,
    payment: Uuid,
    buyer: Uuid,
    seller: Uuid,
    external: Uuid,
}

impl Held {
    /// What nobody has.
    fn by_nobody() -> Self {
        let [settlement, payment, buyer, seller, external] = [(); 5].map(|()| Uuid::new_v4());
        Self {
            settlement,
            payment,
            buyer,
            seller,
            external,
        }
    }
}

/// The call of a function for a tenant who names what is `held`, possibly by another. None: it takes nothing of a tenant's.
fn call(function: &str, tenant: Uuid, held: &Held) -> Option<String> {
    let Held {
        settlement,
        payment,
        buyer,
        seller,
        external,
    } = held;
    let (key, zeros) = (super::statements::untimed_key(), "sha256('crossing')");
    Some(match function {
        "account" => format!("account('{tenant}', '{buyer}')"),
        "account_entries" => format!("account_entries('{tenant}', '{buyer}', NULL, NULL, NULL, 10)"),
        "transaction" | "leaves_of" => format!("{function}('{tenant}', '{payment}')"),
        "corrections_of" => format!("corrections_of('{tenant}', '{payment}', NULL, 10)"),
        "settlement" => format!("settlement('{tenant}', '{settlement}')"),
        "settlements" => format!("settlements('{tenant}', NULL, now(), '{settlement}', 10)"),
        "settle_step" => format!("settle_step('{tenant}', '{settlement}', 'release')"),
        "undo_step" => format!("undo_step('{tenant}', '{settlement}', 'undo_hold')"),
        "resolve_step" => format!("resolve_step('{tenant}', '{settlement}', 'resolve_release')"),
        "mark_limbo" => format!("mark_limbo('{tenant}', '{settlement}', 'crossing')"),
        "await_decision" | "burn_steps" | "park" => format!("{function}('{tenant}', '{settlement}')"),
        // The key is new each time, and so is the row that holds the refusal.
        "post" => format!(
            "post('{tenant}', '{key}', 'payment', {zeros}, '{buyer}', '{seller}', 1, 'EUR', '{{}}', 1::smallint)"
        ),
        "open_account" => format!("open_account('{tenant}', '{key}', 'buyer', 'EUR', 0, '{external}')"),
        // It makes a tenant's accounts, and names none.
        "onboard_merchant" => return None,
        unknown => panic!("say how {unknown} is called for another tenant"),
    })
}

/// The rows that a call gives, or the name it fails by; without what is new in each row.
async fn said(role: &Client, call: &str) -> String {
    let sql = format!(
        "SELECT to_jsonb(told) - 'ledger_key' - 'created_at' - 'account_id' - 'external' - 'source' - 'destination'
           FROM ledger.{call} AS told"
    );
    match role.simple_query(&sql).await {
        Err(error) => name_of(&error),
        Ok(told) => {
            let mut rows = Vec::new();
            for message in &told {
                if let SimpleQueryMessage::Row(row) = message {
                    rows.extend(row.get(0));
                }
            }
            rows.join("\n")
        }
    }
}

/// Everything that the ledger holds of a tenant, in one number each.
async fn all_of(superuser: &Client, tenant: Uuid) -> Vec<String> {
    let mut found = Vec::new();
    for table in [
        "accounts",
        "ledger_transactions",
        "ledger_entries",
        "settlements",
        "outbox",
        "freezes",
    ] {
        let sql = format!(
            "SELECT coalesce(md5(string_agg(it::text, '|' ORDER BY it::text)), '') FROM ledger.{table} AS it WHERE tenant_id = $1"
        );
        found.push(superuser.query_one(&sql, &[&tenant]).await.unwrap().get(0));
    }
    found
}

#[tokio::test]
async fn a_role_that_names_what_is_another_tenant_s_is_told_and_does_what_it_would_of_nobody_s() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let settler = cloud.pooled_as("settler").await;
    let (merchant, ours) = Settlement::accepted(&cloud).await;
    ours.course(&settler, &FORWARD[..2]).await;
    let paid = merchant.payment(ours.request.source, ours.request.destination, 1);
    paid.decide(&cloud.pooled_as("poster").await).await;
    let (_, theirs) = Settlement::accepted(&cloud).await;
    let held = Held {
        settlement: ours.id(),
        payment: paid.key,
        buyer: ours.request.source,
        seller: ours.request.destination,
        external: merchant.externals[0],
    };
    let (us, other) = (ours.tenant(), theirs.tenant());
    let before = all_of(&superuser, us).await;
    let callable = superuser.query(CALLABLE, &[&ROLES.as_slice()]).await.unwrap();
    assert!(callable.len() > 15);
    let known = ROLES.iter().chain(&OF_THE_HOUSE).collect::<BTreeSet<_>>();
    assert_eq!(known, LOGINS.iter().collect(), "which of the two is it");
    for row in &callable {
        let (role, function): (String, String) = (row.get(0), row.get(1));
        let Some(foreign) = call(&function, other, &held) else {
            continue;
        };
        let client = cloud.pooled_as(&role).await;
        let of_ours = said(&client, &foreign).await;
        let of_nobodys = said(&client, &call(&function, other, &Held::by_nobody()).unwrap()).await;
        assert_eq!(of_ours, of_nobodys, "{role}: {foreign}");
        for id in [
            held.settlement,
            held.buyer,
            held.seller,
            held.payment,
            held.external,
            us,
        ] {
            assert!(!of_ours.contains(&id.to_string()), "{role}: {foreign}: {of_ours}");
        }
        assert_eq!(all_of(&superuser, us).await, before, "{role}: {foreign}");
    }
    // Their own tenant is answered: what was refused above was not refused for its form.
    for row in &callable {
        let (role, function): (String, String) = (row.get(0), row.get(1));
        let foreign = call(&function, other, &held);
        let (Some(own), Some(foreign)) = (call(&function, us, &held), foreign) else {
            continue;
        };
        let client = cloud.pooled_as(&role).await;
        assert_ne!(
            said(&client, &own).await,
            said(&client, &foreign).await,
            "{role}: {own}"
        );
    }
}
