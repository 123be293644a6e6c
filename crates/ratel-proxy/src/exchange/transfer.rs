//! The request body on its way up while the response comes down, and raw bytes both ways after an upgrade.

use std::pin::Pin;
use std::time::Duration;

use ratel_flow::Side;

use super::{
    After, Answered, RequestBody, RequestSink, ResponseSink, ResponseSource, Scene, Upload,
};
use crate::body::{FrameSink, FrameSource as _, PeerEnd};
use crate::error::ProxyError;
use crate::recorder::Recorder;

use super::hold::WHILE_HELD;
use super::link::Paced;
use super::messages::MessageStage;

/// Moves the request body up while the response comes down; ends with the response. What comes of a tunnel that is not
/// granted yet (`waits`) stays where it is.
pub(super) async fn transfer<B: RequestBody>(
    scene: Scene<'_>,
    request: &mut Upload<'_, B>,
    waits: bool,
    tx: &mut impl FrameSink,
    mut download: Pin<&mut impl Future<Output = Result<Answered, ProxyError>>>,
) -> Result<Answered, ProxyError> {
    let recorder = scene.recorder;
    let mut server_reads = true;
    if !request.body.is_done() && !waits {
        let pump = upload(scene, request, tx);
        let mut pump = std::pin::pin!(pump);
        tokio::select! {
            biased;
            sent = &mut pump => match sent {
                Ok(()) => {}
                // It may still have said why (RFC 9112 §9.5, RFC 9113 §8.1).
                Err(error) if error.is_by_server() => server_reads = false,
                Err(error) => return Err(error),
            },
            answered = &mut download => {
                let answered = answered?;
                if let Answered::Complete(After::KeepAlive) = answered {
                    // An early answer: the rest of the body is still the server's to read.
                    return Ok(match pump.await {
                        Ok(()) => answered,
                        Err(_) => Answered::Complete(After::Close),
                    });
                }
                return Ok(answered);
            }
        }
    }
    if !server_reads {
        download.await?;
        return Ok(Answered::Complete(After::Close));
    }
    tokio::select! {
        biased;
        answered = &mut download => return answered,
        end = request.body.watch() => match end {
            // What the server would see without us: the end of the client's side, the response still wanted.
            // A server that can't be told has closed already; its response is still on the way.
            PeerEnd::HalfClosed => {
                scene.line.left(Side::Client);
                drop(tx.shutdown().await);
            }
            PeerEnd::Gone(error) => return Err(error),
        },
    }
    tokio::select! {
        biased;
        answered = half_closed(recorder, download) => answered,
        // It is as good as gone for whoever would have to let that go.
        () = scene.line.holds_for_client() => Err(ProxyError::ClientLeft { during: WHILE_HELD }),
    }
}

/// Waits for the response to a client that has closed its side for sending.
async fn half_closed(
    recorder: &Recorder,
    mut download: Pin<&mut impl Future<Output = Result<Answered, ProxyError>>>,
) -> Result<Answered, ProxyError> {
    // A client that has closed both its sides looks the same until it is sent something.
    match tokio::time::timeout(HALF_CLOSED, download.as_mut()).await {
        Ok(Err(error)) if error.is_loss_of_server() => Err(ProxyError::ClientLeft {
            during: if recorder.has_response() {
                "while it was sent the response"
            } else {
                BEFORE
            },
        }),
        Ok(answered) => answered,
        Err(_) if recorder.has_response() => download.await,
        Err(_) => Err(ProxyError::ClientLeft { during: BEFORE }),
    }
}

/// What a client was waiting for.
pub(super) const BEFORE: &str = "before the server had answered";

/// How long the response to a client that has closed its side for sending may take to begin, and how long its request
/// is delayed: it may have closed both, which nothing tells before it is sent something. A server that leaves
/// within that time does so because it was told that the client is done.
pub(super) const HALF_CLOSED: Duration = Duration::from_secs(60);

/// Sends the request body as it comes in.
async fn upload<B: RequestBody>(
    scene: Scene<'_>,
    request: &mut Upload<'_, B>,
    tx: &mut impl FrameSink,
) -> Result<(), ProxyError> {
    let Scene { recorder, line, .. } = scene;
    let Upload { stage, body, .. } = request;
    let body = &mut Paced::new(&mut **body, scene.link, Side::Client);
    loop {
        let frame = match body.ready()? {
            Some(frame) => frame,
            None => {
                deliver(body, tx).await?;
                recorder.ready().await;
                let between = stage.as_ref().is_some_and(MessageStage::may_inject);
                tokio::select! {
                    biased;
                    frame = body.next() => frame?,
                    injection = line.injected(Side::Client), if between => {
                        if let Some(stage) = stage {
                            stage.inject(injection, scene, body, tx).await?;
                        }
                        continue;
                    }
                }
            }
        };
        let end = frame.end;
        match stage {
            Some(stage) => stage.feed(frame, scene, body, tx).await?,
            None => {
                recorder.frame(Side::Client, &frame, body.received());
                tx.frame(frame)?;
            }
        }
        if end {
            if stage.is_some() {
                line.closed(Side::Client);
            }
            recorder.end(Side::Client, body.received());
            return deliver(body, tx).await;
        }
    }
}

/// Waits for the server to read what was queued, or for the client to leave.
async fn deliver(body: &mut impl RequestBody, tx: &mut impl FrameSink) -> Result<(), ProxyError> {
    let end = tokio::select! {
        biased;
        flushed = tx.flush() => return flushed,
        end = body.watch() => end,
    };
    match end {
        PeerEnd::Gone(error) => Err(error),
        PeerEnd::HalfClosed => tx.flush().await,
    }
}

/// Passes raw bytes both ways after an upgrade, each direction until its end.
pub(super) async fn relay(
    body: &mut impl RequestBody,
    tx: &mut impl RequestSink,
    rx: &mut impl ResponseSource,
    sink: &mut impl ResponseSink,
    recorder: &Recorder,
) -> Result<After, ProxyError> {
    let up = async {
        loop {
            let frame = match body.ready()? {
                Some(frame) => frame,
                None => {
                    tx.flush().await?;
                    recorder.ready().await;
                    body.next().await?
                }
            };
            recorder.frame(Side::Client, &frame, body.received());
            let end = frame.end;
            tx.frame(frame)?;
            if end {
                recorder.end(Side::Client, body.received());
                return tx.shutdown().await;
            }
        }
    };
    let down = async {
        while !rx.is_done() {
            let frame = match rx.ready()? {
                Some(frame) => frame,
                None => {
                    sink.flush().await?;
                    recorder.ready().await;
                    rx.next().await?
                }
            };
            recorder.frame(Side::Server, &frame, rx.received());
            sink.frame(frame)?;
        }
        recorder.end(Side::Server, rx.received());
        sink.shutdown().await
    };
    tokio::try_join!(up, down)?;
    Ok(After::Close)
}
