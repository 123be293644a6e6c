//! Names of numbers (<https://www.iana.org/assignments/dns-parameters>).

/// A registry: names by number, and what numbers without a name are called.
pub(super) struct Codes {
    names: &'static [(u16, &'static str)],
    other: &'static str,
}

impl Codes {
    pub(super) const OPCODES: Self = Self {
        names: &[
            (0, "QUERY"),
            (1, "IQUERY"),
            (2, "STATUS"),
            (4, "NOTIFY"),
            (5, "UPDATE"),
            (6, "DSO"),
        ],
        other: "OPCODE",
    };

    pub(super) const RESPONSES: Self = Self {
        names: &[
            (0, "NOERROR"),
            (1, "FORMERR"),
            (2, "SERVFAIL"),
            (3, "NXDOMAIN"),
            (4, "NOTIMP"),
            (5, "REFUSED"),
            (6, "YXDOMAIN"),
            (7, "YXRRSET"),
            (8, "NXRRSET"),
            (9, "NOTAUTH"),
            (10, "NOTZONE"),
            (11, "DSOTYPENI"),
        ],
        other: "RCODE",
    };

    pub(super) const CLASSES: Self = Self {
        names: &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")],
        other: "CLASS",
    };

    #[rustfmt::skip]
    pub(super) const TYPES: Self = Self {
        names: &[
            (1, "A"), (2, "NS"), (3, "MD"), (4, "MF"), (5, "CNAME"), (6, "SOA"), (7, "MB"), (8, "MG"), (9, "MR"),
            (10, "NULL"), (11, "WKS"), (12, "PTR"), (13, "HINFO"), (14, "MINFO"), (15, "MX"), (16, "TXT"),
            (17, "RP"), (18, "AFSDB"), (19, "X25"), (20, "ISDN"), (21, "RT"), (22, "NSAP"), (23, "NSAP_PTR"),
            (24, "SIG"), (25, "KEY"), (26, "PX"), (27, "GPOS"), (28, "AAAA"), (29, "LOC"), (30, "NXT"), (31, "EID"),
            (32, "NIMLOC"), (33, "SRV"), (34, "ATMA"), (35, "NAPTR"), (36, "KX"), (37, "CERT"), (38, "A6"),
            (39, "DNAME"), (40, "SINK"), (41, "OPT"), (42, "APL"), (43, "DS"), (44, "SSHFP"), (45, "IPSECKEY"),
            (46, "RRSIG"), (47, "NSEC"), (48, "DNSKEY"), (49, "DHCID"), (50, "NSEC3"), (51, "NSEC3PARAM"),
            (52, "TLSA"), (53, "SMIMEA"), (55, "HIP"), (56, "NINFO"), (57, "RKEY"), (58, "TALINK"), (59, "CDS"),
            (60, "CDNSKEY"), (61, "OPENPGPKEY"), (62, "CSYNC"), (63, "ZONEMD"), (64, "SVCB"), (65, "HTTPS"),
            (99, "SPF"), (100, "UINFO"), (101, "UID"), (102, "GID"), (103, "UNSPEC"), (104, "NID"), (105, "L32"),
            (106, "L64"), (107, "LP"), (108, "EUI48"), (109, "EUI64"), (249, "TKEY"), (250, "TSIG"), (251, "IXFR"),
            (252, "AXFR"), (253, "MAILB"), (254, "MAILA"), (255, "ANY"), (256, "URI"), (257, "CAA"), (258, "AVC"),
            (259, "DOA"), (260, "AMTRELAY"), (32768, "TA"), (32769, "DLV"),
        ],
        other: "TYPE",
    };

    /// `A`; `TYPE(1000)` for a number without a name.
    pub(super) fn name(&self, number: u16) -> String {
        let known = self.names.iter().find(|(known, _)| *known == number);
        match known {
            Some((_, name)) => (*name).to_owned(),
            None => format!("{}({number})", self.other),
        }
    }

    /// The number of a name in any case, of `TYPE(1000)`, `TYPE1000` and `1000`.
    pub(super) fn number(&self, name: &str) -> Option<u16> {
        let known = self
            .names
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name));
        if let Some((number, _)) = known {
            return Some(*number);
        }
        let other = name.get(..self.other.len());
        let is_other = other.is_some_and(|other| other.eq_ignore_ascii_case(self.other));
        let digits = name
            .get(self.other.len()..)
            .filter(|_| is_other)
            .unwrap_or(name);
        let inner = digits
            .strip_prefix('(')
            .and_then(|digits| digits.strip_suffix(')'));
        inner.unwrap_or(digits).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names_and_names_numbers() {
        for (number, name) in [(1, "A"), (65, "HTTPS"), (1000, "TYPE(1000)")] {
            assert_eq!(Codes::TYPES.name(number), name);
            assert_eq!(Codes::TYPES.number(name), Some(number));
        }
        assert_eq!(Codes::TYPES.number("aaaa"), Some(28));
        assert_eq!(Codes::TYPES.number("TYPE1000"), Some(1000));
        assert_eq!(Codes::CLASSES.number("77"), Some(77));
        for wrong in ["", "B", "TYPE()", "TYPE(65536)", "TYPE(-1)"] {
            assert_eq!(Codes::TYPES.number(wrong), None, "{wrong}");
        }
    }
}
