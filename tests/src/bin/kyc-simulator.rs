//! The provider's simulator as a process: `kyc-simulator PORT`. See [`tests::kyc_simulator`].

use std::error::Error;

use tests::kyc_simulator::KycSimulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: kyc-simulator PORT")?;
    KycSimulator::start_at(port.parse()?).await?.wait().await;
    Ok(())
}
