"""The cluster that the emulator knows a PostgreSQL server by, for the Data API: its port is the server's (local/emulator_data_api.py)."""

from local.emulator import client
from local.postgres import DATABASE, OWNER


def register_cluster(emulator_port: int, postgres_port: int, name: str = "onceledger") -> tuple[str, str]:
    """Makes it, unless it is there; returns its ARN and that of the secret with the owner's name."""
    rds = client("rds", emulator_port)
    try:
        cluster = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    except rds.exceptions.DBClusterNotFoundFault:
        cluster = rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            Port=postgres_port,
            DatabaseName=DATABASE,
            MasterUsername=OWNER,
            ManageMasterUserPassword=True,
            EnableHttpEndpoint=True,
        )["DBCluster"]
    return cluster["DBClusterArn"], cluster["MasterUserSecret"]["SecretArn"]
