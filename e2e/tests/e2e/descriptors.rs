//! Too few file descriptors: said once at start with the number that is needed, and once a minute when there is none; the application is not
//! to blame.

use std::net::TcpStream;

use cuttle_e2e::{Application, Reply, Server, photo};

fn said(server: &Server, part: &str) -> usize {
    server.log().iter().filter(|event| event.to_string().contains(part)).count()
}

#[test]
fn without_descriptors_nobody_else_is_blamed_and_the_log_stays_calm() {
    let app = Application::start(|_, asked| match asked.target.as_str() {
        "/photo.jpg" => Reply::good(&photo(800, 600, 1)),
        _ => Reply::bare(200),
    });
    let own = app.url();
    // Enough to start, and soon all taken.
    let server = Server::after("ulimit -n 34", &["--upstream", &own, "--workers", "1"]);
    let warned = server.event("too few", |event| event["needed"].is_u64());
    assert_eq!((&warned["level"], &warned["open_files"]), (&"WARN".into(), &34.into()));
    assert!(warned.to_string().contains("LimitNOFILE"), "{warned}");
    assert_eq!(server.client.get("/page").status, 200);
    let mut idle: Vec<TcpStream> = Vec::new();
    let mut refused = None;
    // Each takes a descriptor, until there is none for a connection to the application.
    for _ in 0..80 {
        idle.extend(TcpStream::connect(&server.address));
        match server.client.try_send("GET", "/page", &[]) {
            Ok(answer) if answer.status == 200 => {}
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    let refused = refused.expect("the limit was reached");
    if let Ok(answer) = refused {
        assert_eq!((answer.status, answer.header("x-cuttle-error")), (503, "out_of_descriptors"));
        let image = server.client.try_send("GET", "/_next/image?url=%2Fphoto.jpg&w=640&q=75", &[]);
        // By now there may be one again; the source is not to blame in any case.
        if let Ok(image) = image.map(|it| (it.status, it.header("x-cuttle-error").to_owned())) {
            let (status, code) = (image.0, image.1.as_str());
            assert!(matches!((status, code), (200, "") | (503, "out_of_descriptors")), "{image:?}");
        }
    }
    idle.extend((0..40).filter_map(|_| TcpStream::connect(&server.address).ok()));
    let event = server.event("the lack", |event| event["message"] == "no file descriptor is left");
    assert!(event["remedy"].to_string().contains("LimitNOFILE"), "{event}");
    // As long as it took to say it twenty times a second.
    std::thread::park_timeout(std::time::Duration::from_secs(2));
    assert_eq!(said(&server, "no file descriptor is left"), 1, "{:#?}", server.log());
    assert_eq!(said(&server, "cannot accept"), 0);
    assert_eq!(said(&server, "the app cannot be reached"), 0);
    drop(idle);
    let served = (0..200).any(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        server.client.try_send("GET", "/page", &[]).is_ok_and(|answer| answer.status == 200)
    });
    assert!(served, "and it recovers");
}
