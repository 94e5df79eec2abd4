//! Tests of the message guards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

const SESSION: Phase = Phase::Session { max_message: 1 << 20 };

fn header(kind: u8, length: i32) -> [u8; 5] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind, a, b, c, d]
}

#[test]
fn header_of_a_wrong_length_or_type_is_refused() {
    for length in [0, 3, -1, i32::MIN, i32::MAX, (1 << 20) + 5] {
        assert!(check_header(SESSION, header(b'Q', length)).is_err(), "{length}");
    }
    assert_eq!(check_header(SESSION, header(b'Q', (1 << 20) + 4)).unwrap(), (b'Q', 1 << 20));
    assert_eq!(check_header(SESSION, header(b'S', 4)).unwrap(), (b'S', 0));
    assert!(check_header(SESSION, header(b'E', 1 << 20)).is_err());
    for kind in [b'z', 0, 0xff, b'p', b'R'] {
        assert!(check_header(SESSION, header(kind, 4)).is_err());
    }
}

#[test]
fn before_the_login_only_small_password_messages_come_in() {
    assert_eq!(check_header(Phase::Login, header(b'p', 100)).unwrap(), (b'p', 96));
    assert!(check_header(Phase::Login, header(b'p', 1 << 20)).is_err());
    for kind in *b"QPBEDSXHdcf" {
        assert!(check_header(Phase::Login, header(kind, 5)).is_err());
    }
}

#[test]
fn bodies_are_read() {
    let parse = b"s1\0select $1\0\0\x02\0\0\0\x17\0\0\0\0";
    let expected = Message::Parse { name: "s1".to_owned(), sql: "select $1".to_owned(), types: vec![23, 0] };
    assert_eq!(Message::decode(b'P', Bytes::from_static(parse)).unwrap(), expected);

    let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\x01\0\x01";
    let Message::Bind(bind) = Message::decode(b'B', Bytes::from_static(bind)).unwrap() else { panic!("not a Bind") };
    assert_eq!((bind.portal.as_str(), bind.statement.as_str()), ("p", "s"));
    assert_eq!(bind.parameters, [Some(Bytes::from_static(b"hi")), None]);
    assert_eq!((bind.parameter_formats, bind.result_formats), (vec![1], vec![1]));

    let execute = Message::Execute { portal: String::new(), max_rows: -2 };
    assert_eq!(Message::decode(b'E', Bytes::from_static(b"\0\xff\xff\xff\xfe")).unwrap(), execute);
}

#[test]
fn every_truncated_or_padded_body_is_an_error_and_never_a_panic() {
    let whole: [(u8, &[u8]); 5] = [
        (b'P', b"s1\0select $1\0\0\x02\0\0\0\x17\0\0\0\0"),
        (b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\x01\0\x01"),
        (b'D', b"Sname\0"),
        (b'E', b"p\0\0\0\0\x01"),
        (b'Q', b"select 1\0"),
    ];
    for (kind, body) in whole {
        assert!(Message::decode(kind, Bytes::from_static(body)).is_ok());
        for length in 0..body.len() {
            assert!(Message::decode(kind, Bytes::copy_from_slice(&body[..length])).is_err(), "{kind} {length}");
        }
        let padded = [body, b"\0"].concat();
        assert!(Message::decode(kind, Bytes::from(padded)).is_err());
    }
    for bad in [&b"\0\0\0\0\xff\xff"[..], b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0", b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"]
    {
        assert!(Message::decode(b'B', Bytes::copy_from_slice(bad)).is_err());
    }
    assert!(Message::decode(b'D', Bytes::from_static(b"Xname\0")).is_err());
    assert!(Message::decode(b'Q', Bytes::from_static(b"\xff\xfe\0")).is_err());
}
