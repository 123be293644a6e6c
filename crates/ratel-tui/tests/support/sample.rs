//! Flows of all kinds.

use super::fake::Fake;

/// One flow of each kind that the list knows.
pub(crate) fn sample() -> Vec<Fake> {
    vec![
        Fake::new(
            1,
            "GET",
            "/",
            200,
            "text/html; charset=utf-8",
            "<h1>hello</h1>\n",
        ),
        Fake::new(
            2,
            "POST",
            "/api/orders?limit=50",
            201,
            "application/json",
            r#"{"id": 7, "open": true}"#,
        ),
        Fake::new(3, "GET", "/old", 301, "text/plain", ""),
        Fake::new(
            4,
            "DELETE",
            "/api/orders/7",
            404,
            "text/plain",
            "no such order",
        ),
        Fake::new(
            5,
            "GET",
            "/a/very/long/path/that/does/not/fit/into/any/row/of/eighty/columns",
            500,
            "text/plain",
            "x",
        ),
        Fake::new(
            6,
            "GET",
            "/events",
            200,
            "text/event-stream",
            "data: 1\n\ndata: 2\n\n",
        )
        .streaming(),
        Fake::new(7, "GET", "/slow", 200, "", "").waiting(),
        Fake::new(8, "GET", "/down", 502, "", "").failed(
            "cannot connect to service.dev:443: connection refused",
            "is it running?",
        ),
        Fake::new(9, "", "", 0, "", "")
            .failed(
                "the client does not trust the certificate: unknown ca",
                "install the CA certificate",
            )
            .connection(),
    ]
}
