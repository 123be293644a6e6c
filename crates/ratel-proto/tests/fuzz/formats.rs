//! What files and datagrams hold: typed netstrings, DNS messages.

use bytes::Bytes;
use ratel_proto::dns;
use ratel_proto::tnetstring::{self, Encoder, Items, Value};

use super::fuzz;

#[test]
fn tnetstrings() {
    let seeds: &[&[u8]] = &[
        b"60:4:bool;4:true!4:null;0:~3:int;2:-7#5:float;6:1.5e-7^1:b,2:\0\xff,}",
        b"28:4:list;17:0:]0:}1:a,3:nan^]}",
        b"10:1:1#1:2#0:~",
        b"999999999999:~",
        b"1000000000000000000:~",
        b"25:20:15:10:5:0:~]]]]",
    ];
    fuzz(seeds, |input, _| {
        let bytes = Bytes::copy_from_slice(input);
        // Items make up the input, and are bounded by it.
        let mut at = 0;
        for item in Items::new(&bytes, 0).map_while(Result::ok) {
            assert!(
                item.offset > at && item.payload == &input[item.offset..][..item.payload.len()]
            );
            at = item.offset + item.payload.len() + 1;
            let value = tnetstring::value(&item, &bytes);
            assert!(item.check().is_ok() || value.is_err());
        }
        assert!(at <= input.len());
        let value = match tnetstring::decode(&bytes) {
            Ok(value) => value,
            Err(error) => return assert!(error.offset <= input.len()),
        };
        let again = |value: &Value| {
            let mut encoder = Encoder::new();
            encoder.value(value);
            Bytes::copy_from_slice(encoder.bytes_written())
        };
        // What was written in an unusual way is usual from then on.
        let usual = again(&value);
        let read = tnetstring::decode(&usual).expect("it was written by us");
        assert_eq!(again(&read), usual);
    });
}

#[test]
fn dns_messages() {
    let seeds: &[&[u8]] = &[
        b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\x01\x07example\x03org\0\0\x01\0\x01\
          \xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\x7f\0\0\x01\xc0\x0c\0\x0f\0\x01\0\0\0\x01\0\x07\0\x0a\x02mx\xc0\x0c\
          \0\0\x29\x10\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01",
        b"\0\0\0\0\0\x01\0\0\0\0\0\0\x0dxn--bcher-kva\x03a.b\x02\\\xff\0\0\x01\0\x01",
        b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    fuzz(seeds, |input, _| {
        let bytes = Bytes::copy_from_slice(input);
        let message = match dns::unpack(&bytes) {
            Ok(message) => message,
            Err(error) => return assert!(error.offset <= input.len()),
        };
        // A pointer of two bytes may stand for a name of 255.
        let packed = dns::pack(&message).expect("what was read can be written");
        assert!(packed.len() <= input.len() * 128);
        // Names in data that lead nowhere are left as they are, and may lead somewhere from another place.
        let again = dns::unpack(&packed.into()).expect("it was written by us");
        assert_eq!(again.questions, message.questions);
        assert_eq!(again.answers.len(), message.answers.len());
    });
}
