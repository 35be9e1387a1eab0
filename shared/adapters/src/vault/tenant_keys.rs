//! The tenants' keys: a secret each, in which every version of the key stands that something may still be wrapped under.
//!
//! `{"current": 2, "keys": {"1": "<base64 of 32 bytes>", "2": "…"}}`

mod labels;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ids::TenantId;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use self::labels::{CURRENT, Version};
use super::VaultError;
use super::seal::{KEY, Key};
use crate::aws;

/// The secrets under one prefix.
#[derive(Clone, Debug)]
pub(super) struct TenantKeys {
    client: Client,
    prefix: String,
    service_key: String,
}

/// All versions of a tenant's key.
pub(super) struct Ring {
    /// What the service calls the state that this was read from.
    token: String,
    current: u64,
    keys: BTreeMap<u64, Key>,
}

impl Ring {
    pub(super) fn current(&self) -> u64 {
        self.current
    }

    pub(super) fn key(&self, version: u64) -> Option<&Key> {
        self.keys.get(&version)
    }

    /// Whether every version of `other` is in it.
    fn holds_all_of(&self, other: &Self) -> bool {
        other.keys.keys().all(|version| self.keys.contains_key(version))
    }

    /// Whether an older version stands beside the current one: a rotation is under way.
    pub(super) fn is_rotating(&self) -> bool {
        self.keys.len() > 1
    }
}

/// The secret's text. Overwritten when dropped.
#[derive(Serialize, Deserialize)]
struct Text {
    current: u64,
    keys: BTreeMap<u64, String>,
}

impl Drop for Text {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

impl Text {
    fn of<'a>(current: u64, keys: impl IntoIterator<Item = (u64, &'a Key)>) -> Self {
        let keys = keys.into_iter();
        Self {
            current,
            keys: keys
                .map(|(version, key)| (version, STANDARD.encode(key.as_bytes())))
                .collect(),
        }
    }

    fn write(&self) -> Result<Zeroizing<String>, VaultError> {
        let text = serde_json::to_string(self).map_err(|_| VaultError::Unreadable("a tenant's key"))?;
        Ok(Zeroizing::new(text))
    }

    fn read(token: String, text: &str) -> Result<Ring, VaultError> {
        let unreadable = || VaultError::Unreadable("a tenant's key");
        let text: Self = serde_json::from_str(text).map_err(|_| unreadable())?;
        let mut keys = BTreeMap::new();
        for (version, encoded) in &text.keys {
            let mut bytes = Zeroizing::new([0; KEY]);
            match STANDARD.decode_slice(encoded, bytes.as_mut_slice()) {
                Ok(KEY) => keys.insert(*version, Key::from_slice(bytes.as_slice()).ok_or_else(unreadable)?),
                Ok(_) | Err(_) => return Err(unreadable()),
            };
        }
        if !keys.contains_key(&text.current) {
            return Err(unreadable());
        }
        Ok(Ring {
            token,
            current: text.current,
            keys,
        })
    }
}

impl TenantKeys {
    pub(super) async fn open(prefix: String, service_key: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(2)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            prefix,
            service_key,
        }
    }

    /// What the tenant has. `None`: there is no such secret, not yet or not any more.
    pub(super) async fn read(&self, tenant: TenantId) -> Result<Option<Ring>, VaultError> {
        match self.labelled(tenant, CURRENT).await? {
            Some(Version { token, text }) => Text::read(token, &text).map(Some),
            None => Ok(None),
        }
    }

    /// What the tenant has, or its first key. Of several at once one makes it, and all get that one.
    pub(super) async fn read_or_create(&self, tenant: TenantId) -> Result<Ring, VaultError> {
        if let Some(ring) = self.read(tenant).await? {
            return Ok(ring);
        }
        let text = Text::of(1, [(1, &Key::random()?)]).write()?;
        let created = self
            .client
            .create_secret()
            .name(self.name(tenant))
            .kms_key_id(&self.service_key)
            .secret_string(text.as_str())
            .send()
            .await;
        if let Err(error) = created
            && !matches!(
                error.as_service_error(),
                Some(CreateSecretError::ResourceExistsException(_))
            )
        {
            return Err(VaultError::Unavailable("the tenants' keys", aws::error_name(&error)));
        }
        // Not what was sent but what stands: somebody else may have been first.
        let stands = self.read(tenant).await?;
        stands.ok_or_else(|| VaultError::Unavailable("the tenants' keys", "NotYetVisible".to_owned()))
    }

    /// Adds a version and makes it the current one. `false`: somebody has changed the keys since `ring` was read.
    pub(super) async fn add(&self, tenant: TenantId, ring: &Ring) -> Result<bool, VaultError> {
        let (next, key) = (ring.current + 1, Key::random()?);
        let keys = ring.keys.iter().map(|(version, key)| (*version, key));
        self.replace(tenant, ring, &Text::of(next, keys.chain([(next, &key)])))
            .await
    }

    /// Keeps the current version alone. `false`: as with [`TenantKeys::add`].
    pub(super) async fn keep_current(&self, tenant: TenantId, ring: &Ring) -> Result<bool, VaultError> {
        let current = ring.keys.get(&ring.current).map(|key| (ring.current, key));
        self.replace(tenant, ring, &Text::of(ring.current, current)).await
    }

    /// The same keys, in a secret that is sealed by the service's key as it is now. `false`: as with [`TenantKeys::add`].
    pub(super) async fn seal_anew(&self, tenant: TenantId, ring: &Ring) -> Result<bool, VaultError> {
        let keys = ring.keys.iter().map(|(version, key)| (*version, key));
        self.replace(tenant, ring, &Text::of(ring.current, keys)).await
    }

    fn name(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Ring, VaultError> {
        Text::read("token".to_owned(), text)
    }

    #[test]
    fn a_ring_reads_back_as_it_was_written() {
        let (old, new) = (Key::random().unwrap(), Key::random().unwrap());
        let text = Text::of(2, [(1, &old), (2, &new)]).write().unwrap();
        let ring = read(&text).unwrap();
        assert!(ring.current() == 2 && ring.is_rotating());
        assert!(ring.key(1).unwrap().as_bytes() == old.as_bytes());
        assert!(ring.key(2).unwrap().as_bytes() == new.as_bytes());
        assert!(ring.key(3).is_none());
    }

    #[test]
    fn what_is_no_ring_is_not_guessed_at() {
        let short = STANDARD.encode([7; 31]);
        for text in [
            String::new(),
            "{}".to_owned(),
            r#"{"current":1,"keys":{}}"#.to_owned(),
            format!(r#"{{"current":1,"keys":{{"1":"{short}"}}}}"#),
            format!(r#"{{"current":2,"keys":{{"1":"{}"}}}}"#, STANDARD.encode([7; 32])),
            format!(r#"{{"current":1,"keys":{{"1":"{}"}}}}"#, STANDARD.encode([7; 33])),
        ] {
            assert!(matches!(read(&text), Err(VaultError::Unreadable(_))), "{text}");
        }
    }
}
