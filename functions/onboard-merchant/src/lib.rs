//! `PUT /v1/merchants/{merchant_id}`: makes a tenant a merchant, with an escrow and an external account per currency.
//!
//! The one route on which the tenant is not the token's: the gateway lets only the platform's scope through to it.

use adapters::contacts::Contacts;
use adapters::http::{self, Success};
use adapters::ledger::Ledger;
use adapters::ledger::accounts::HouseAccount;
use domain::ids::{AccountId, TenantId};
use domain::intent::{Contact, MerchantRequest};
use domain::money::Currency;
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Merchant {
    id: TenantId,
    object: &'static str,
    accounts: Vec<Account>,
}

#[derive(Serialize)]
struct Account {
    id: AccountId,
    kind: String,
    currency: Currency,
}

/// Answers 201 for a new merchant and 200 for one that was there; either way with all the accounts it has.
pub async fn handle(ledger: &Ledger, contacts: &Contacts, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let merchant: TenantId = call.id("merchant_id")?;
        if merchant == TenantId::PLATFORM {
            return Err(Problem::NotFound.into());
        }
        let request = MerchantRequest::parse(call.json()?)?;
        let (created, accounts) = ledger.onboard_merchant(merchant, &request.currencies).await?;
        // Apart from the ledger, so that it can be erased; and after it, for a merchant that there is.
        match &request.contact {
            Contact::Kept => (),
            Contact::Removed => contacts.remove(merchant).await?,
            Contact::Named(email) => contacts.put(merchant, email).await?,
        }
        let merchant = Merchant {
            id: merchant,
            object: "merchant",
            accounts: accounts.into_iter().map(Account::from).collect(),
        };
        Ok(Success::json(if created { 201 } else { 200 }, &merchant)?)
    })
    .await
}

impl From<HouseAccount> for Account {
    fn from(account: HouseAccount) -> Self {
        Self {
            id: account.id,
            kind: account.purpose,
            currency: account.currency,
        }
    }
}
