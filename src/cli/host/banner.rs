//! What answers at an address, as far as SSH is concerned.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The beginning of what every SSH server says first.
const SSH: &[u8] = b"SSH-";

/// What came.
#[derive(Debug)]
pub enum Banner {
    /// An SSH server said its first line.
    Ssh,
    /// Nobody listens there.
    Refused,
    /// Who listens hung up without a word: what forwards the port, and nothing behind it.
    HungUp,
    /// Nothing, for as long as it was waited for.
    Silent,
    /// Somebody who is no SSH server.
    Other,
    /// It cannot be asked.
    Unreachable(io::Error),
}

/// Connects, and waits for the first words.
pub async fn banner(at: SocketAddr, within: Duration) -> Banner {
    tokio::time::timeout(within, ask(at)).await.unwrap_or(Banner::Silent)
}

async fn ask(at: SocketAddr) -> Banner {
    let mut stream = match TcpStream::connect(at).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Banner::Refused,
        Err(error) => return Banner::Unreachable(error),
    };
    let mut said = [0; SSH.len()];
    match stream.read_exact(&mut said).await {
        Ok(_) if said == *SSH => Banner::Ssh,
        Ok(_) => Banner::Other,
        Err(_) => Banner::HungUp,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    async fn said(words: Option<&'static [u8]>) -> Banner {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            if let Some(words) = words {
                stream.write_all(words).await.unwrap();
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            banner = banner(at, SOON) => banner,
            () = async { server.await; std::future::pending().await } => unreachable!("it pends"),
        }
    }

    #[tokio::test]
    async fn what_answers_is_told_apart() {
        assert!(matches!(said(Some(b"SSH-2.0-OpenSSH_9.2\r\n")).await, Banner::Ssh));
        assert!(matches!(said(Some(b"220 mail ready\r\n")).await, Banner::Other));
        assert!(matches!(said(Some(b"")).await, Banner::HungUp));
        assert!(matches!(said(None).await, Banner::Silent));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        assert!(matches!(banner(at, SOON).await, Banner::Refused));
    }
}
