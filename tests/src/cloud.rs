//! The local cloud that `make test` started, as its state file describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::signature::Keys;

/// What goes before the lines of [`Cloud::ask`].
const ASKING: &str = "import boto3, json, sys
endpoint, region, key, secret, given = sys.argv[1:]
given = json.loads(given)
def client(service):
    keys = {\"aws_access_key_id\": key, \"aws_secret_access_key\": secret}
    return boto3.client(service, endpoint_url=endpoint, region_name=region, **keys)
";

/// Where a TCP service listens.
#[derive(Debug, Clone, Deserialize)]
pub struct Address {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The database server itself, not the pooler.
#[derive(Debug, Clone, Deserialize)]
pub struct Postgres {
    /// Where the server listens.
    #[serde(flatten)]
    pub address: Address,
    /// A role that passes every policy: for set-up and for looking at the truth.
    pub superuser: String,
    /// The ledger's database.
    pub database: String,
}

/// The emulator of the AWS services.
#[derive(Debug, Clone, Deserialize)]
pub struct Aws {
    /// Where every service listens, `http://host:port`.
    pub endpoint: String,
    /// The region everything is deployed in.
    pub region: String,
    /// Access key that execution roles do not bind.
    pub access_key_id: String,
    /// Secret of that access key.
    pub secret_access_key: String,
}

/// One function as the stack deployed it.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployed {
    /// The name it has in the emulator.
    pub name: String,
    /// The executable.
    pub bootstrap: PathBuf,
    /// Its environment variables, as the template resolved them.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take, in seconds.
    pub timeout_seconds: u64,
}

/// The deployed local cloud.
#[derive(Debug, Clone, Deserialize)]
pub struct Cloud {
    /// The HTTP API's address, stage included, without a trailing slash.
    pub api_url: String,
    /// The emulator.
    pub aws: Aws,
    /// Name of the gate table.
    pub gate_table: String,
    /// By logical name in the template what a reference to it gives; see [`Cloud::resource`].
    pub resources: BTreeMap<String, String>,
    /// Functions by their logical name in the template.
    pub functions: BTreeMap<String, Deployed>,
    /// Where the KYC provider's simulator listens.
    pub kyc_origin: String,
    /// The database server.
    pub postgres: Postgres,
    /// The pooler in front of it, in transaction mode.
    pub pgbouncer: Address,
    /// People with an IAM user each, by name: what one of them proposes, the other approves.
    #[serde(default)]
    pub operators: BTreeMap<String, Keys>,
    /// Command that prints an access token; see [`crate::token`] for the arguments appended.
    #[serde(default)]
    pub mint_token: Vec<String>,
}

impl Cloud {
    /// Reads the state file named by `ONCELEDGER_CLOUD`.
    #[must_use]
    pub fn running() -> Self {
        let Ok(path) = std::env::var("ONCELEDGER_CLOUD") else {
            panic!("ONCELEDGER_CLOUD is not set: these tests need the local cloud, run them with `make test`");
        };
        let state = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; run `make test`"));
        serde_json::from_slice(&state).unwrap_or_else(|error| panic!("{path} is not a state file: {error}"))
    }

    /// A function by its crate's name: `fold-balances` is `FoldBalances` in the template.
    #[must_use]
    pub fn function(&self, name: &str) -> &Deployed {
        let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
        let found = self.functions.iter().find(|(logical, _)| plain(logical) == plain(name));
        let Some((_, function)) = found else {
            let known: Vec<_> = self.functions.keys().collect();
            panic!("the stack has no function `{name}`; it has {known:?}");
        };
        function
    }

    /// A queue's URL, or the name of a table, a bucket or a bus, by its logical name in the template.
    #[must_use]
    pub fn resource(&self, logical: &str) -> &str {
        let found = self.resources.get(logical);
        found.unwrap_or_else(|| panic!("the stack has no resource `{logical}`"))
    }

    /// Runs a few lines of Python with `client(service)`, `endpoint` and `given`, bound by no execution role; returns
    /// what they leave in `told`.
    pub async fn ask(&self, script: &str, given: &Value) -> Value {
        let aws = &self.aws;
        let python = self.mint_token.first().expect("a token is minted by Python");
        let output = Command::new(python)
            .args(["-c", &format!("{ASKING}{script}\nprint(json.dumps(told))")])
            .args([
                &aws.endpoint,
                &aws.region,
                &aws.access_key_id,
                &aws.secret_access_key,
                &given.to_string(),
            ])
            .output()
            .await
            .unwrap_or_else(|error| panic!("{python}: {error}"));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        serde_json::from_slice(&output.stdout).expect("the answer is JSON")
    }

    /// A client of DynamoDB that no execution role binds.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let keys = Credentials::new(
            &self.aws.access_key_id,
            &self.aws.secret_access_key,
            None,
            None,
            "state file",
        );
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.aws.region.clone()))
            .endpoint_url(&self.aws.endpoint)
            .credentials_provider(keys)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// Makes an empty gate of a test's own; the name of its table.
    ///
    /// # Panics
    /// If the emulator refuses.
    pub async fn another_gate(&self) -> String {
        let name = format!("gate-{}", Uuid::new_v4());
        let mut table = self
            .dynamodb()
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest);
        for (attribute, role) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let definition = AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S);
            let element = KeySchemaElement::builder().attribute_name(attribute).key_type(role);
            table = table
                .attribute_definitions(built(definition.build()))
                .key_schema(built(element.build()));
        }
        table.send().await.unwrap_or_else(|error| panic!("no gate: {error:?}"));
        name
    }

    /// Connects to the server as the superuser.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        self.connect(&self.postgres.address, &self.postgres.superuser).await
    }

    /// Connects to the server as a role of the ledger, without the pooler.
    pub async fn as_role(&self, role: &str) -> tokio_postgres::Client {
        self.connect(&self.postgres.address, role).await
    }

    /// Connects through the pooler as a role of the ledger, as the functions do.
    pub async fn pooled_as(&self, role: &str) -> tokio_postgres::Client {
        self.connect(&self.pgbouncer, role).await
    }

    async fn connect(&self, address: &Address, role: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::Config::new()
            .host(&address.host)
            .port(address.port)
            .user(role)
            .dbname(&self.postgres.database)
            .connect(NoTls)
            .await
            .unwrap_or_else(|error| panic!("`{role}` cannot connect to {}:{}: {error}", address.host, address.port));
        tokio::spawn(connection);
        client
    }
}

fn built<T>(part: Result<T, BuildError>) -> T {
    part.unwrap_or_else(|error| panic!("{error}"))
}
