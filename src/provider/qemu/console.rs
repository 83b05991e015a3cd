//! A machine's serial line, for whoever wants to sit at it.

use std::io;

use tokio::net::UnixStream;

use super::Qemu;
use crate::model::code::Code;
use crate::model::observed::Instance;
use crate::private;
use crate::provider::ProviderError;

use super::fault;

/// Connects to the serial line of a machine that runs: what is written goes to the guest as typed, and
/// what the guest writes comes back, raw, from now on (what it wrote before stands in its log). QEMU
/// serves one at a time: a second connection is taken and hears nothing until the first has gone.
///
/// # Errors
/// The machine does not run, or the socket is not this user's.
pub async fn console(room: &Qemu, instance: &Instance) -> Result<UnixStream, ProviderError> {
    const OPERATION: &str = "open the serial line";
    let path = room.settings.place(instance.stamp.uuid).serial();
    let connecting = async {
        private::check_socket(&path)?;
        let stream = UnixStream::connect(&path).await?;
        private::check_server(&path, stream.peer_cred()?.uid())?;
        Ok::<_, io::Error>(stream)
    };
    connecting.await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            let says = format!("{} is not running", instance.name);
            fault::with(OPERATION, &says, "vagrantp up", Code::InfraNotRunning)
        }
        _ => fault::io(OPERATION, &path, &error),
    })
}
