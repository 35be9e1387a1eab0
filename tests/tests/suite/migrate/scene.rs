//! Databases of a test's own: empty ones of the running server, and servers.

use std::future::Future;
use std::panic::resume_unwind;
use std::path::Path;
use std::time::Duration;

use ::migrate::migration::Migration;
use adapters::data_api::DataApi;
use adapters::environment::Migrating;
use aws_sdk_rdsdata::config::retry::RetryConfig;
use aws_sdk_rdsdata::config::{BehaviorVersion, Credentials, Region};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tokio::time::Instant;
use uuid::Uuid;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Starts a server that holds nothing but the owner and its database, and a cluster before it.
const START: &str = r#"
import pathlib
sys.path.insert(0, given["repository"])
from local.cluster import register_cluster
from local.migrations import create_database
from local.ports import free_ports
from local.postgres import start_postgres
(port,) = free_ports(1)
server = start_postgres(pathlib.Path(given["directory"]), port)
create_database(port)
cluster, secret = register_cluster(given["emulator"], port, given["name"])
told = {"port": port, "pid": server.pid, "cluster": cluster, "secret": secret}
"#;

/// Everything there is: `given` is a database's name, or null for the server with its roles. Without what is another one at each time.
const DUMP: &str = r#"
import subprocess
sys.path.insert(0, given["repository"])
from local.postgres import BINARIES, SUPERUSER
program, *only = ["pg_dump", "-d", given["database"]] if given["database"] else ["pg_dumpall"]
address = ["-h", "127.0.0.1", "-p", str(given["port"]), "-U", SUPERUSER, "--restrict-key=test"]
told = subprocess.run([BINARIES / program, *address, *only], check=True, capture_output=True, text=True).stdout
"#;

/// Migrations by their names and texts.
pub fn files(files: &[(&str, &str)]) -> Vec<Migration> {
    files.iter().map(|(file, sql)| Migration::new(file, sql)).collect()
}

/// Longer than anything takes here that ends at all.
pub fn patience() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

async fn dump(cloud: &Cloud, database: Option<&str>) -> String {
    let given = json!({"repository": REPOSITORY, "port": cloud.postgres.address.port, "database": database});
    let told = cloud.ask(DUMP, &given).await;
    told.as_str().unwrap().to_owned()
}

/// A database of the running server that holds nothing.
#[derive(Clone)]
pub struct Empty {
    pub cloud: Cloud,
}

/// Runs a test with an empty database and drops it afterwards, also when the test fails.
pub async fn in_empty_database<F, T>(test: F)
where
    F: FnOnce(Empty) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let name = format!("migrated_{}", Uuid::new_v4().simple());
    let create = format!("CREATE DATABASE {name} OWNER ledger_owner");
    superuser.batch_execute(&create).await.unwrap();
    let mut own = cloud.clone();
    name.clone_into(&mut own.postgres.database);

    let outcome = tokio::spawn(test(Empty { cloud: own })).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    superuser.batch_execute(&drop).await.unwrap();
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
}

impl Empty {
    /// The Data API of this database, at the emulator.
    pub fn api(&self) -> DataApi {
        self.api_at(&self.cloud.aws.endpoint)
    }

    /// The Data API of this database, at another address. Nobody's role binds it.
    pub fn api_at(&self, endpoint: &str) -> DataApi {
        let aws = &self.cloud.aws;
        let keys = Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "state file");
        let config = aws_sdk_rdsdata::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(aws.region.clone()))
            .endpoint_url(endpoint)
            .credentials_provider(keys)
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let environment = &self.cloud.function("migrate").environment;
        let of = Migrating {
            cluster_arn: environment["DATABASE_CLUSTER_ARN"].clone(),
            secret_arn: environment["DATABASE_SECRET_ARN"].clone(),
            database: self.cloud.postgres.database.clone(),
        };
        DataApi::with(aws_sdk_rdsdata::Client::from_conf(config), of)
    }

    /// The deployed function, for this database.
    pub fn function(&self) -> Setup {
        Function::of(&self.cloud, "migrate").set("DATABASE_NAME", &self.cloud.postgres.database)
    }

    /// All that is in it.
    pub async fn dump(&self) -> String {
        dump(&self.cloud, Some(&self.cloud.postgres.database)).await
    }

    /// The numbers that a query finds.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let rows = self.cloud.superuser().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// A server of a test's own, with an empty database, and a cluster before it. Stopped when dropped.
pub struct Server {
    pub cloud: Cloud,
    cluster: String,
    secret: String,
    pid: Pid,
}

impl Server {
    pub async fn start() -> Self {
        let mut cloud = Cloud::running();
        let name = format!("own-{}", Uuid::new_v4());
        // It goes with the cloud's directory, whatever becomes of the test: without its files a server ends by itself.
        let state = std::env::var("ONCELEDGER_CLOUD").unwrap();
        let emulator: u16 = cloud.aws.endpoint.rsplit_once(':').unwrap().1.parse().unwrap();
        let given = json!({
            "repository": REPOSITORY, "directory": Path::new(&state).with_file_name(&name), "emulator": emulator, "name": name,
        });
        let told = cloud.ask(START, &given).await;
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        cloud.postgres.address.port = told["port"].as_u64().unwrap().try_into().unwrap();
        Self {
            cluster: text("cluster"),
            secret: text("secret"),
            pid: Pid::from_raw(told["pid"].as_i64().unwrap().try_into().unwrap()),
            cloud,
        }
    }

    /// The function's environment, for this server.
    pub fn environment(&self) -> Value {
        let database = &self.cloud.postgres.database;
        json!({"DATABASE_CLUSTER_ARN": self.cluster, "DATABASE_SECRET_ARN": self.secret, "DATABASE_NAME": database})
    }

    /// The deployed function, for this server.
    pub fn function(&self) -> Setup {
        let environment = self.environment();
        let variables = environment.as_object().unwrap().iter();
        variables.fold(Function::of(&self.cloud, "migrate"), |setup, (name, value)| {
            setup.set(name, value.as_str().unwrap())
        })
    }

    /// All that is on it, the roles too.
    pub async fn dump(&self) -> String {
        dump(&self.cloud, None).await
    }

    /// Carries out Python with `given["port"]`, that of the server.
    pub async fn ask(&self, script: &str) -> Value {
        let given = json!({"repository": REPOSITORY, "port": self.cloud.postgres.address.port});
        let script = format!("sys.path.insert(0, given['repository'])\n{script}");
        self.cloud.ask(&script, &given).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, whoever is connected.
        let _ = kill(self.pid, Signal::SIGQUIT);
    }
}
