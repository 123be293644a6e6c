use super::super::testing::shown;
use super::pages;

const TYPE: &str = "application/vnd.ms-sync.wbxml";

/// The head of a document of ActiveSync: version 1.3, unknown identifier, UTF-8, no strings.
const HEAD: &[u8] = b"\x03\x01\x6a\x00";

fn document(body: &[u8]) -> Vec<u8> {
    [HEAD, body].concat()
}

#[test]
fn a_synchronisation_is_xml_again() {
    let body = b"\x45\x5c\x4f\x4b\x031\0\x01\x56\x47\x5d\x00\x02\x54\x03Hi <&> \"\xc3\xa9\"\0\x01\x15\
        \x00\x11\x4a\x46\x031\0\x01\x4b\xc3\x06a<b\nc\xff\x01\x01\x00\x00\x01\x01\x01\x13\x01\x01\x01";
    insta::assert_snapshot!(shown(TYPE, document(body)), @r#"
    <?xml version="1.0" ?>
    <Sync>
        <Collections>
            <Collection>
                <SyncKey>1</SyncKey>
                <Commands>
                    <Add>
                        <ApplicationData>
                            <Subject>Hi &lt;&amp;&gt; "é"</Subject>
                            <Read/>
                            <Body>
                                <Type>1</Type>
                                <Data><![CDATA[a<b
    c\xff]]></Data>
                            </Body>
                        </ApplicationData>
                    </Add>
                </Commands>
                <GetChanges/>
            </Collection>
        </Collections>
    </Sync>
    "#);
}

#[test]
fn what_is_not_of_activesync_has_numbers_and_names_of_its_own() {
    // A table of strings, a tag and an attribute of that table, characters by number, an unknown tag.
    let body = b"\x03\x05\x6a\x08card\0k\0v\xc4\x00\x04\x05\x83\x07\x86\x03!\0\x01\x02\x81\x60\x03x\0\x47\x01\x01";
    insta::assert_snapshot!(shown(TYPE, body), @r#"
    <?xml version="1.0" ?>
    <card k="v[0x86]!">
        àx
        <Unknown_0_0x07/>
    </card>
    "#);
}

#[test]
fn what_is_no_wbxml_is_shown_as_it_is() {
    for (data, why) in [
        (&b"nope"[..], "there is no WBXML of that version"),
        (
            b"\x03\x01\x04\x00",
            "only WBXML in UTF-8 or ASCII can be read",
        ),
        (
            b"\x03\x01\x6a\x00\x45",
            "the document ends early, at byte 5",
        ),
        (
            b"\x03\x01\x6a\x00\x45\xc3\xff\xff\xff\x7f",
            "the document ends early, at byte 5",
        ),
        (
            b"\x03\x01\x6a\x00\x45\x83\x01\x01",
            "a string is not in the table of strings, at byte 5",
        ),
        (
            b"\x03\x01\x6a\x00\x05\x05",
            "the document goes on after its end, at byte 5",
        ),
        (
            b"\x03\x01\x6a\x00\x01",
            "the document goes on after its end, at byte 4",
        ),
        (b"\x03\x01\x6a\xff\xff\xff\xff\xff", "a number is too large"),
    ] {
        let input = crate::ViewInput {
            data,
            complete: true,
            max_lines: 10,
            ..crate::ViewInput::default()
        };
        let lines = crate::render(Some("wbxml"), &input).lines;
        let text: Vec<String> = lines.iter().map(crate::Line::text).collect();
        assert_eq!(text[..2], ["Couldn't parse as WBXML:", why], "{data:?}");
    }
}

#[test]
fn neither_depth_nor_references_exhaust_anything() {
    assert!(!shown(TYPE, document(&[0x45; 100_000])).contains("Sync"));
    let strings = [&b"\x03\x01\x6a\x84\x80\x00"[..], &[b'x'; 1 << 16], b"\x45"].concat();
    let bomb = [strings, b"\x83\x00".repeat(1 << 16)].concat();
    assert!(!shown(TYPE, bomb).contains("<Sync>"));
    let wide = document(&[&b"\x45"[..], &[0x0b; 100_000], b"\x01"].concat());
    assert_eq!(shown(TYPE, wide).lines().count(), 1000);
}

#[test]
fn each_page_has_its_tags() {
    for (page, token, name) in [
        (0, 0x05, Some("Sync")),
        (0, 0x11, None),
        (0, 0x29, Some("HeartbeatInterval")),
        (0, 0x2a, None),
        (1, 0x3e, Some("WeightedRank")),
        (2, 0x0f, Some("DateReceived")),
        (3, 0x05, None),
        (4, 0x33, Some("DisallowNewTimeProposal")),
        (7, 0x16, Some("FolderSync")),
        (14, 0x3a, Some("Hash")),
        (17, 0x1b, Some("Status")),
        (24, 0x18, Some("RemoveRightsManagementProtection")),
        (25, 0x05, Some("Find")),
        (26, 0x05, None),
        (0, 0x04, None),
    ] {
        assert_eq!(pages::tag(page, token), name, "{page} {token:#x}");
    }
}
