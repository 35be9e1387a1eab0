//! `POST /v1/compliance/erasures`, and the event `compliance.erasure-requested`.

use std::str::FromStr;

use serde_json::Value;

use super::checks::{reason, string};
use super::fields::{self, Fields, Refused};
use super::invalid::{Checked, Invalid, refuse};
use crate::erasure::{Scope, Whom};
use crate::ids::{CustomerId, ErasureId, TenantId};
use crate::principal::Principal;

/// Somebody wants data to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRequest {
    /// Whose.
    pub whom: Whom,
    /// Why: 1 to 500 characters, not all of them blank. It is kept for years, and should name nobody.
    pub reason: String,
}

/// The same as an event, which says itself under which id and by whom: who may put it on the bus is asked there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureEvent {
    /// Minted once by who asks.
    pub erasure_id: ErasureId,
    /// What is wanted.
    pub request: ErasureRequest,
    /// Who wants it.
    pub asked_by: Principal,
}

impl ErasureRequest {
    /// Reads the body of the request.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        fields::read(body, Self::read)
    }

    fn read(fields: &mut Fields) -> Result<Self, Refused> {
        let scope = fields.required("scope", scope);
        let tenant = fields.required("tenant_id", id::<TenantId>);
        let customer = fields.optional("customer_id", id::<CustomerId>);
        let reason = fields.required("reason", reason);
        // A customer that was forgotten must not become all of them, nor the other way round.
        let customer = match (scope?, customer?) {
            (Scope::Subject, None) => Err(fields.refuse("customer_id", "is required of this scope")),
            (Scope::Tenant, Some(_)) => Err(fields.refuse("customer_id", "is not a field of this scope")),
            (Scope::Subject | Scope::Tenant, customer) => Ok(customer),
        };
        Ok(Self {
            whom: Whom {
                tenant: tenant?,
                customer: customer?,
            },
            reason: reason?,
        })
    }
}

impl ErasureEvent {
    /// Reads the event's detail.
    ///
    /// # Errors
    /// [`Invalid`], with every field that is wrong.
    pub fn parse(detail: &[u8]) -> Result<Self, Invalid> {
        fields::read(detail, |fields| {
            let erasure_id = fields.required("erasure_id", id::<ErasureId>);
            let asked_by = fields.required("asked_by", principal);
            let request = ErasureRequest::read(fields);
            Ok(Self {
                erasure_id: erasure_id?,
                request: request?,
                asked_by: asked_by?,
            })
        })
    }
}

fn id<T: FromStr>(value: &Value) -> Checked<T> {
    match string(value)?.parse() {
        Ok(id) => Ok(id),
        Err(_) => refuse("must be a UUID in its hyphenated form"),
    }
}

fn scope(value: &Value) -> Checked<Scope> {
    match string(value)?.parse() {
        Ok(scope) => Ok(scope),
        Err(_) => refuse("must be subject or tenant"),
    }
}

fn principal(value: &Value) -> Checked<Principal> {
    match string(value)?.parse() {
        Ok(principal) => Ok(principal),
        Err(_) => refuse("must be the ARN of a user or of a role's session"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intent::FieldError;

    const TENANT: &str = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";
    const CUSTOMER: &str = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b6";

    fn parse(body: &Value) -> Result<ErasureRequest, Invalid> {
        ErasureRequest::parse(body.to_string().as_bytes())
    }

    fn refused(pointer: &str, detail: &str) -> Result<ErasureRequest, Invalid> {
        Err(Invalid::Fields(vec![FieldError::new(pointer, detail)]))
    }

    #[test]
    fn a_person_or_a_tenant_is_asked_for() {
        let subject =
            parse(&json!({"scope": "subject", "tenant_id": TENANT, "customer_id": CUSTOMER, "reason": "a letter"}));
        let subject = subject.unwrap();
        assert_eq!(
            subject.whom.customer.map(|id| id.to_string()).as_deref(),
            Some(CUSTOMER)
        );
        assert_eq!(
            (subject.whom.tenant.to_string().as_str(), subject.reason.as_str()),
            (TENANT, "a letter")
        );
        for customer in [json!({}), json!({"customer_id": null})] {
            let mut body = json!({"scope": "tenant", "tenant_id": TENANT, "reason": "it left"});
            body.as_object_mut()
                .unwrap()
                .extend(customer.as_object().unwrap().clone());
            assert_eq!(parse(&body).unwrap().whom.customer, None);
        }
    }

    #[test]
    fn a_person_who_was_forgotten_does_not_become_all_of_them() {
        assert_eq!(
            parse(&json!({"scope": "subject", "tenant_id": TENANT, "reason": "a letter"})),
            refused("/customer_id", "is required of this scope")
        );
        assert_eq!(
            parse(&json!({"scope": "tenant", "tenant_id": TENANT, "customer_id": CUSTOMER, "reason": "it left"})),
            refused("/customer_id", "is not a field of this scope")
        );
        assert_eq!(
            parse(&json!({"scope": "all", "tenant_id": TENANT, "reason": "it left"})),
            refused("/scope", "must be subject or tenant")
        );
    }

    #[test]
    fn an_event_names_who_asks() {
        let body = |by: &str| {
            json!({"erasure_id": CUSTOMER, "scope": "tenant", "tenant_id": TENANT, "reason": "it left", "asked_by": by})
                .to_string()
        };
        let ada = "arn:aws:iam::123456789012:user/ada";
        let event = ErasureEvent::parse(body(ada).as_bytes()).unwrap();
        assert_eq!(event.asked_by.as_str(), ada);
        assert_eq!(event.erasure_id.to_string(), CUSTOMER);
        for nobody in ["", "ada", "arn:aws:iam::123456789012:root"] {
            assert!(ErasureEvent::parse(body(nobody).as_bytes()).is_err(), "{nobody}");
        }
    }
}
