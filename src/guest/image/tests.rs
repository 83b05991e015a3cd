//! Against a server of the tests' own, which does what servers and networks do.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::event::{Event, Silence};

/// What the server does; changed while it runs.
#[derive(Clone, Debug)]
struct Ways {
    content: Vec<u8>,
    etag: Option<&'static str>,
    ranges: bool,
    /// Ends each connection after so many bytes of the content.
    cut: Option<usize>,
    /// Says nothing after so many bytes.
    stall: Option<usize>,
    status: u16,
    location: Option<String>,
    length: bool,
}

struct Server {
    address: String,
    ways: Arc<Mutex<Ways>>,
    /// The head of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

impl Server {
    async fn new(content: Vec<u8>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/a.img", listener.local_addr().unwrap());
        let ways = Ways {
            content,
            etag: Some("\"one\""),
            ranges: true,
            cut: None,
            stall: None,
            status: 200,
            location: None,
            length: true,
        };
        let ways = Arc::new(Mutex::new(ways));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, heads) = (ways.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone(), heads.clone()));
            }
        });
        Server { address, ways, asked }
    }

    fn set(&self, change: impl FnOnce(&mut Ways)) {
        change(&mut self.ways.lock().unwrap());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn url(&self) -> Source {
        Source::Url(self.address.clone())
    }

    fn sum(&self) -> String {
        known::hex(&Sha256::digest(&self.ways.lock().unwrap().content))
    }
}

async fn answer(mut stream: TcpStream, ways: Arc<Mutex<Ways>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
        // A hello of TLS.
        if head == [0x16] {
            let _ = stream.write_all(b"HTTP/1.1 400 x\r\n\r\n").await;
            return;
        }
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    asked.lock().unwrap().push(head.clone());
    let ways = ways.lock().unwrap().clone();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_owned)
    };
    let same = header("if-range").is_none_or(|known| Some(known.as_str()) == ways.etag);
    let from = header("range").filter(|_| ways.ranges && same);
    let from = from.map(|range| range["bytes=".len()..].trim_end_matches('-').parse().unwrap());
    let (status, from, more) = match from {
        _ if header("if-none-match").is_some_and(|known| Some(known.as_str()) == ways.etag) => {
            (304, ways.content.len(), String::new())
        }
        Some(from) if from >= ways.content.len() => {
            (416, ways.content.len(), format!("content-range: bytes */{}\r\n", ways.content.len()))
        }
        Some(from) => {
            let (last, all) = (ways.content.len() - 1, ways.content.len());
            (206, from, format!("content-range: bytes {from}-{last}/{all}\r\n"))
        }
        None => (ways.status, 0, String::new()),
    };
    let body = &ways.content[from..];
    let mut reply = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{more}");
    if ways.length {
        reply.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in [("etag", ways.etag), ("location", ways.location.as_deref())] {
        reply.push_str(&value.map(|value| format!("{name}: {value}\r\n")).unwrap_or_default());
    }
    reply.push_str("\r\n");
    let _ = stream.write_all(reply.as_bytes()).await;
    let some = ways.cut.or(ways.stall).unwrap_or(body.len()).min(body.len());
    let _ = stream.write_all(&body[..some]).await;
    let _ = stream.flush().await;
    if ways.stall.is_some() {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

struct Place {
    dir: tempfile::TempDir,
    cache: Cache,
}

fn place() -> Place {
    let limits = Limits {
        connect: Duration::from_secs(5),
        idle: Duration::from_millis(400),
        tries: 2,
        largest: 8 << 20,
    };
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().join("images"), Proxies::default(), limits);
    Place { dir, cache }
}

impl Place {
    async fn fetch(&self, source: &Source) -> Result<Image, FetchError> {
        self.cache.fetch(source, None, false, &Silence).await
    }
}

#[tokio::test]
async fn a_url_is_fetched_once_and_never_changed() {
    let (place, server) = (place(), Server::new(content(3 << 20)).await);
    assert_eq!(place.cache.known(&server.url(), None), None);
    let image = place.fetch(&server.url()).await.unwrap();
    assert_eq!(image.sha256, server.sum());
    assert_eq!(fs::read(&image.path).unwrap(), content(3 << 20));
    let facts = fs::metadata(&image.path).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o400);
    let above = fs::metadata(place.cache.root()).unwrap();
    assert_eq!(above.permissions().mode() & 0o777, 0o700);
    assert_eq!(place.fetch(&server.url()).await.unwrap(), image);
    assert_eq!(place.cache.known(&server.url(), None), Some(image.clone()));
    assert_eq!(server.asked().len(), 1);
    // Asked for afresh, the server says that it is the same.
    let again = place.cache.fetch(&server.url(), None, true, &Silence).await.unwrap();
    assert_eq!(again, image);
    assert!(server.asked()[0].contains("if-none-match: \"one\""));
    server.set(|ways| (ways.content, ways.etag) = (content(100), Some("\"two\"")));
    assert_eq!(place.fetch(&server.url()).await.unwrap(), image, "it is kept");
    let newer = place.cache.fetch(&server.url(), None, true, &Silence).await.unwrap();
    assert_eq!((newer.size, newer.sha256), (100, server.sum()));
    let left = fs::read_dir(place.cache.root().join("partial")).unwrap();
    let left: Vec<_> = left.map(|e| e.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.extension().is_some_and(|e| e == "lock")), "{left:?}");
}

#[tokio::test]
async fn what_breaks_off_is_gone_on_with() {
    let (place, server) = (place(), Server::new(content(1 << 20)).await);
    server.set(|ways| ways.cut = Some(400_000));
    let image = place.fetch(&server.url()).await.unwrap();
    assert_eq!(image.sha256, server.sum());
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "{asked:#?}");
    assert!(asked[1].contains("range: bytes=400000-") && asked[1].contains("if-range: \"one\""));
    assert!(asked[2].contains("range: bytes=800000-"));
}

#[tokio::test]
async fn a_later_call_goes_on_and_another_version_begins_anew() {
    let (place, server) = (place(), Server::new(content(1 << 20)).await);
    server.set(|ways| (ways.stall, ways.ranges) = (Some(300_000), false));
    match place.fetch(&server.url()).await {
        Err(FetchError::BrokenOff { tries, done, .. }) => {
            assert_eq!((tries, done.as_str()), (2, "293.0 KiB"));
        }
        other => panic!("{other:?}"),
    }
    server.asked();
    server.set(|ways| (ways.stall, ways.ranges) = (None, true));
    assert_eq!(place.fetch(&server.url()).await.unwrap().sha256, server.sum());
    assert!(server.asked()[0].contains("range: bytes=300000-"));

    let (place, server) = (self::place(), Server::new(content(1 << 20)).await);
    server.set(|ways| (ways.stall, ways.ranges) = (Some(300_000), false));
    place.fetch(&server.url()).await.unwrap_err();
    let mut other = content(1 << 20);
    other.reverse();
    server.set(|ways| (ways.stall, ways.content, ways.etag) = (None, other, Some("\"two\"")));
    server.set(|ways| ways.ranges = true);
    assert_eq!(place.fetch(&server.url()).await.unwrap().sha256, server.sum());
}

#[tokio::test]
async fn without_a_name_for_the_version_nothing_is_pieced_together() {
    let (place, server) = (place(), Server::new(content(1 << 20)).await);
    server.set(|ways| (ways.stall, ways.etag) = (Some(300_000), None));
    place.fetch(&server.url()).await.unwrap_err();
    server.asked();
    server.set(|ways| ways.stall = None);
    assert_eq!(place.fetch(&server.url()).await.unwrap().sha256, server.sum());
    assert!(!server.asked()[0].contains("range:"));
    // With a sum to hold it to, it may be.
    let other = self::place();
    server.set(|ways| ways.stall = Some(300_000));
    other.fetch(&server.url()).await.unwrap_err();
    server.asked();
    server.set(|ways| ways.stall = None);
    let sum = server.sum();
    let image = other.cache.fetch(&server.url(), Some(&sum), false, &Silence).await.unwrap();
    assert_eq!(image.sha256, sum);
    assert!(server.asked()[0].contains("range: bytes=300000-"));
}

#[tokio::test]
async fn a_wrong_sum_is_refused_and_nothing_of_it_stays() {
    let (place, server) = (place(), Server::new(content(1000)).await);
    let wanted = "0".repeat(64);
    match place.cache.fetch(&server.url(), Some(&wanted), false, &Silence).await {
        Err(FetchError::WrongSum { found, .. }) => assert_eq!(found, server.sum()),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(place.cache.root().join("sha256")).unwrap().count(), 0);
    let sum = server.sum();
    server.asked();
    place.cache.fetch(&server.url(), Some(&sum), false, &Silence).await.unwrap();
    assert!(!server.asked()[0].contains("range:"));
    // By its sum it is found under any address.
    let elsewhere = Source::Url("http://127.0.0.1:1/b.img".to_owned());
    let image = place.cache.fetch(&elsewhere, Some(&sum), false, &Silence).await.unwrap();
    assert_eq!(image.sha256, sum);
}

#[tokio::test]
async fn each_way_to_fail_has_its_words() {
    let (place, server) = (place(), Server::new(content(10)).await);
    let failed = async |source: &Source| place.fetch(source).await.expect_err("it fails");
    for (status, wanted) in [(404, "not_found"), (403, "denied"), (418, "server")] {
        server.set(|ways| ways.status = status);
        let error = failed(&server.url()).await;
        let code = miette::Diagnostic::code(&error).unwrap().to_string();
        assert_eq!(code, format!("vagrantp::fetch::{wanted}"));
    }
    server.set(|ways| ways.status = 503);
    let busy = failed(&server.url()).await;
    assert!(matches!(busy, FetchError::BrokenOff { .. }), "{busy}");
    let own = server.address.clone();
    server.set(|ways| (ways.status, ways.location) = (302, Some(own)));
    let astray = failed(&server.url()).await;
    assert!(astray.to_string().ends_with("it is sent on more than 10 times"), "{astray}");
    server.set(|ways| (ways.status, ways.location) = (200, None));
    server.set(|ways| ways.content = content(9 << 20));
    assert!(matches!(failed(&server.url()).await, FetchError::TooLarge { .. }));
    server.set(|ways| ways.length = false);
    assert!(matches!(failed(&server.url()).await, FetchError::TooLarge { .. }));
    let gone = Source::Url("http://ada:hunter2@127.0.0.1:1/a.img?key=hunter2".to_owned());
    let error = failed(&gone).await;
    assert_eq!(
        error.to_string(),
        "http://127.0.0.1:1/a.img?… cannot be reached: nobody listens there"
    );
    let plain = server.address.replace("http:", "https:");
    let error = failed(&Source::Url(plain)).await;
    assert!(matches!(error, FetchError::Insecure { .. }), "{error}");
}

#[tokio::test]
async fn a_proxy_is_gone_through_and_some_hosts_are_not() {
    let server = Server::new(content(1000)).await;
    let through = server.address.trim_end_matches("/a.img").trim_start_matches("http://");
    let proxies = Proxies { http: Some(through.to_owned()), ..Proxies::default() };
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().join("images"), proxies.clone(), Limits::default());
    let far = Source::Url("http://images.invalid/a.img".to_owned());
    cache.fetch(&far, None, false, &Silence).await.unwrap();
    assert!(server.asked()[0].starts_with("get http://images.invalid/a.img "));
    let proxies = Proxies { none: Some("images.invalid".to_owned()), ..proxies };
    let cache = Cache::new(dir.path().join("others"), proxies, Limits::default());
    let direct = cache.fetch(&far, None, false, &Silence).await;
    assert!(matches!(direct, Err(FetchError::Unreachable { .. })), "{direct:?}");
}

#[tokio::test]
async fn two_calls_fetch_one_file_once_and_progress_is_told() {
    struct Heard(Mutex<Vec<Event>>);
    impl Listener for Heard {
        fn hear(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }
    let (place, server) = (place(), Server::new(content(1 << 20)).await);
    server.set(|ways| ways.cut = Some(600_000));
    let (one, two) = (Heard(Mutex::default()), Heard(Mutex::default()));
    let url = server.url();
    let (first, second) = tokio::join!(
        place.cache.fetch(&url, None, false, &one),
        place.cache.fetch(&url, None, false, &two),
    );
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(server.asked().len(), 2, "one call, in two parts");
    let heard = one.0.into_inner().unwrap();
    let last = heard.last().unwrap();
    let all = 1 << 20;
    let whole = Event::Progress {
        item: "a.img".to_owned(),
        done: all,
        total: Some(all),
        says: "downloading".to_owned(),
    };
    assert_eq!(*last, whole);
    assert!(matches!(two.0.into_inner().unwrap()[..], [Event::Waiting { .. }]));
}

#[tokio::test]
async fn a_file_is_copied_and_looked_at_again_only_when_it_changed() {
    let place = place();
    let path = place.dir.path().join("it's mine.img");
    fs::write(&path, content(1000)).unwrap();
    let source = Source::File(path.clone());
    let image = place.fetch(&source).await.unwrap();
    assert_eq!(image.sha256, known::hex(&Sha256::digest(content(1000))));
    assert_ne!(fs::metadata(&path).unwrap().ino(), fs::metadata(&image.path).unwrap().ino());
    assert_eq!(place.cache.known(&source, None), Some(image.clone()));
    let as_url = Source::Url(format!("file://{}", path.display()).replace(' ', "%20"));
    assert_eq!(place.cache.known(&as_url, None), Some(image.clone()));
    fs::write(&path, content(1001)).unwrap();
    assert_eq!(place.cache.known(&source, None), None);
    let newer = place.fetch(&as_url).await.unwrap();
    assert_eq!(newer.size, 1001);
    assert_eq!(fs::read(&image.path).unwrap(), content(1000), "the older one is as it was");
    assert_eq!(fs::read_dir(place.cache.root().join("partial")).unwrap().count(), 0);
    let wrong = place.cache.fetch(&source, Some(&"0".repeat(64)), false, &Silence).await;
    assert!(matches!(wrong, Err(FetchError::WrongSum { .. })), "{wrong:?}");
    let gone = place.fetch(&Source::File(place.dir.path().join("gone"))).await;
    assert!(matches!(gone, Err(FetchError::Unreadable { .. })));
    let dir = place.fetch(&Source::File(place.dir.path().to_owned())).await;
    assert!(matches!(dir, Err(FetchError::Unreadable { .. })));
}

#[tokio::test]
async fn a_machine_keeps_its_image_when_the_cache_is_gone() {
    let place = place();
    let path = place.dir.path().join("a.img");
    fs::write(&path, content(1000)).unwrap();
    let image = place.fetch(&Source::File(path)).await.unwrap();
    let kept = place.dir.path().join("base");
    keep(&image, &kept).await.unwrap();
    keep(&image, &kept).await.unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().nlink(), 2, "no room is taken");
    fs::remove_dir_all(place.cache.root()).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), content(1000));
    assert_eq!(place.cache.known(&Source::File("/x".into()), Some(&image.sha256)), None);
    // Another file in its place, and another file system.
    let source = Source::File(kept.clone());
    let image = place.fetch(&source).await.unwrap();
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    fs::write(other.path().join("base"), "x").unwrap();
    keep(&image, &other.path().join("base")).await.unwrap();
    assert_eq!(fs::read(other.path().join("base")).unwrap(), content(1000));
}

#[test]
fn a_full_disk_is_told_before_anything_comes() {
    let place = place();
    fs::create_dir_all(place.cache.root()).unwrap();
    let error = place.cache.check_room("a.img", u64::MAX).unwrap_err();
    assert!(matches!(error, FetchError::NoRoom { .. }));
    assert_eq!(error.stable_code(), crate::model::code::Code::InsufficientResources);
    place.cache.check_room("a.img", 1).unwrap();
}
