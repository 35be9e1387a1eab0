//! All that a merchant has and another could name.

use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use crate::api::merchant::{Merchant, id};

/// Of one merchant, or of nobody.
#[derive(Clone, Debug)]
pub struct Holdings {
    pub buyer: Uuid,
    pub seller: Uuid,
    /// Posted, and nothing given back of it yet.
    pub payment: Uuid,
    /// The same, for a reversal.
    pub other_payment: Uuid,
    /// The key of the first.
    pub key: Uuid,
    /// The key under which the buyer's account was opened.
    pub account_key: Uuid,
    pub settlement: Uuid,
    pub customer: Uuid,
    /// Another, to be replaced: a stranger who tries has one of its own by that id from then on.
    pub other_customer: Uuid,
    /// Where the page of entries, and of settlements, goes on.
    pub entries: String,
    pub settlements: String,
}

impl Holdings {
    /// Of a merchant of the test's own, whose buyer has money left.
    pub async fn of(us: &mut Merchant) -> Self {
        let account_key = Uuid::new_v4();
        let buyer = json!({"kind": "buyer", "currency": "EUR"});
        let opening = ApiRequest::to("POST /v1/accounts").key(account_key).json(&buyer);
        us.buyer = id(&us.send(&opening).await);
        for _ in 0..2 {
            us.deposit(us.buyer, 50_000).await;
        }
        let post = async |route: &str, key: Uuid| {
            let posted = us.send(&ApiRequest::to(route).key(key).json(&us.payment(1_000))).await;
            assert!([201, 202].contains(&posted.status), "{posted:?}");
            id(&posted)
        };
        let next = async |request: ApiRequest| {
            let page = us.send(&request.query("limit", 1)).await.json();
            page["next"]
                .as_str()
                .unwrap_or_else(|| panic!("one page: {page}"))
                .to_owned()
        };
        let customers = [Uuid::new_v4(), Uuid::new_v4()];
        for customer in customers {
            let keeping = ApiRequest::to("PUT /v1/customers/{customer_id}").path("customer_id", customer);
            let kept = us.send(&keeping.json(&json!({"name": "Ada Lovelace"}))).await;
            assert_eq!(kept.status, 201, "{kept:?}");
        }
        let key = Uuid::new_v4();
        post("POST /v1/settlements", Uuid::new_v4()).await;
        Self {
            buyer: us.buyer,
            seller: us.seller,
            payment: post("POST /v1/payments", key).await,
            other_payment: post("POST /v1/payments", Uuid::new_v4()).await,
            key,
            account_key,
            settlement: post("POST /v1/settlements", Uuid::new_v4()).await,
            customer: customers[0],
            other_customer: customers[1],
            entries: next(ApiRequest::to("GET /v1/accounts/{account_id}/entries").path("account_id", us.buyer)).await,
            settlements: next(ApiRequest::to("GET /v1/settlements")).await,
        }
    }

    /// What nobody has: the same, and no id in it was ever given out.
    pub fn of_nobody(&self) -> Self {
        Self {
            buyer: Uuid::new_v4(),
            seller: Uuid::new_v4(),
            payment: Uuid::new_v4(),
            other_payment: Uuid::new_v4(),
            key: Uuid::new_v4(),
            account_key: Uuid::new_v4(),
            settlement: Uuid::new_v4(),
            customer: Uuid::new_v4(),
            other_customer: Uuid::new_v4(),
            entries: self.entries.clone(),
            settlements: self
                .settlements
                .replace(&self.settlement.to_string(), &Uuid::new_v4().to_string()),
        }
    }

    /// Every id with what it is of.
    pub fn ids(&self) -> [(&'static str, String); 7] {
        [
            ("<buyer>", self.buyer),
            ("<seller>", self.seller),
            ("<payment>", self.payment),
            ("<other payment>", self.other_payment),
            ("<settlement>", self.settlement),
            ("<customer>", self.customer),
            ("<other customer>", self.other_customer),
        ]
        .map(|(what, id)| (what, id.to_string()))
    }

    /// What can be asked of a route with these, by somebody with these accounts of his own; and how the owner is answered.
    /// None: nothing of a merchant's can be named there.
    pub fn asked(
        &self,
        cloud: &Cloud,
        route: &str,
        (buyer, seller): (Uuid, Uuid),
    ) -> Vec<(ApiRequest, &'static [u16])> {
        let to = || ApiRequest::to(route);
        let minted = || to().key(Uuid::new_v4());
        let moving = |source: Uuid, destination: Uuid| json!({"source": source, "destination": destination, "amount": 500, "currency": "EUR"});
        let of_payment = || to().path("payment_id", self.payment);
        let of_account = || to().path("account_id", self.buyer);
        match route {
            "POST /v1/accounts" => {
                let account = json!({"kind": "buyer", "currency": "EUR"});
                vec![(to().key(self.account_key).json(&account), &[200, 201])]
            }
            "GET /v1/accounts/{account_id}" => vec![(of_account(), &[200])],
            "GET /v1/accounts/{account_id}/entries" => {
                vec![
                    (of_account(), &[200]),
                    (of_account().query("cursor", &self.entries), &[200]),
                ]
            }
            "POST /v1/payments" | "POST /v1/settlements" => {
                let ways = [(self.buyer, self.seller), (self.buyer, seller), (buyer, self.seller)];
                let requests = ways.map(|(source, destination)| (minted().json(&moving(source, destination)), MOVED));
                requests.into()
            }
            "GET /v1/payments" => vec![(to().query("idempotency_key", self.key), &[200])],
            "GET /v1/payments/{payment_id}" | "GET /v1/payments/{payment_id}/refunds" => vec![(of_payment(), &[200])],
            // Which it is depends on whether somebody has sealed the books meanwhile.
            "GET /v1/payments/{payment_id}/proof" => vec![(of_payment(), &[200, 409])],
            "POST /v1/payments/{payment_id}/refunds" => {
                let request = of_payment().key(Uuid::new_v4()).json(&json!({"amount": 1}));
                vec![(request, MOVED)]
            }
            "POST /v1/payments/{payment_id}/reversal" => {
                let request = minted().path("payment_id", self.other_payment).json(&json!({}));
                vec![(request, MOVED)]
            }
            "GET /v1/customers/{customer_id}" => vec![(to().path("customer_id", self.customer), &[200])],
            "PUT /v1/customers/{customer_id}" => {
                let request = to().path("customer_id", self.other_customer);
                vec![(request.json(&json!({"name": "Grace Hopper"})), &[200])]
            }
            "PUT /v1/customers/{customer_id}/accounts/{account_id}" => {
                let request = || to().path("customer_id", self.customer);
                let accounts = [self.buyer, buyer];
                let requests = accounts.map(|account| (request().path("account_id", account), OK));
                requests.into()
            }
            "POST /v1/deposits" => {
                let deposit = json!({"destination": self.buyer, "amount": 500, "currency": "EUR"});
                vec![(minted().json(&deposit), MOVED)]
            }
            "GET /v1/settlements" => vec![(to(), &[200]), (to().query("cursor", &self.settlements), &[200])],
            "GET /v1/settlements/{settlement_id}" => {
                vec![(to().path("settlement_id", self.settlement), &[200])]
            }
            unknown => panic!(
                "say what of another merchant's can be named at {unknown} of {}",
                cloud.api_url
            ),
        }
    }
}

const OK: &[u16] = &[200];
const MOVED: &[u16] = &[201, 202];
