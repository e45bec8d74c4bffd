use super::*;

/// What a framer gave, with the pieces of a long event put together: where they are cut means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Whole(Vec<u8>),
    Long(Vec<u8>),
    /// A long event that did not end.
    Cut(Vec<u8>),
    Failed(String),
}

/// Whole and given at once.
pub(crate) fn whole(text: impl AsRef<[u8]>) -> Seen {
    Seen::Whole(text.as_ref().to_vec())
}

#[derive(Debug, Default)]
pub(crate) struct Collector(pub(crate) Vec<Seen>);

impl Collector {
    pub(crate) fn take(&mut self, event: Event<'_>) -> Verdict {
        match event {
            Event::Whole(data) => {
                assert!(data.len() <= EVENT_HELD_MAX);
                self.0.push(Seen::Whole(data.to_vec()));
            }
            Event::Piece(data) => match self.0.last_mut() {
                Some(Seen::Cut(long)) => long.extend_from_slice(data),
                _ => self.0.push(Seen::Cut(data.to_vec())),
            },
            Event::PieceEnd => {
                let Some(Seen::Cut(long)) = self.0.pop() else { panic!("an end without a piece") };
                self.0.push(Seen::Long(long));
            }
            Event::Failed(kind) => self.0.push(Seen::Failed(kind.to_owned())),
        }
        Verdict::Keep
    }
}

/// Whole, byte by byte and cut at every offset: the same events. A long stream is cut at a hundred offsets.
pub(crate) fn check<S: PartialEq + std::fmt::Debug>(
    stream: &[u8],
    read: impl Fn(&[&[u8]]) -> S,
    expected: &S,
) {
    let shown = String::from_utf8_lossy(&stream[..stream.len().min(200)]);
    assert_eq!(&read(&[stream]), expected, "{shown:?}");
    assert_eq!(&read(&stream.chunks(1).collect::<Vec<_>>()), expected, "byte by byte: {shown:?}");
    for cut in (0..stream.len()).step_by(if stream.len() < 5_000 { 1 } else { stream.len() / 100 }) {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(&read(&[head, tail]), expected, "cut at {cut}: {shown:?}");
    }
}

#[test]
fn an_event_is_whole_up_to_the_bound_and_in_pieces_beyond_it() {
    for (length, expected) in [
        (0, vec![]),
        (EVENT_HELD_MAX, vec![Seen::Whole(vec![b'x'; EVENT_HELD_MAX])]),
        (EVENT_HELD_MAX + 1, vec![Seen::Long(vec![b'x'; EVENT_HELD_MAX + 1])]),
    ] {
        let bytes = vec![b'x'; length];
        for cut in [0, length / 2, length] {
            let (mut held, mut seen) = (Held::default(), Collector::default());
            let (head, tail) = bytes.split_at(cut);
            held.push(head, &mut |event: Event<'_>| seen.take(event));
            assert!(held.bytes.len() <= EVENT_HELD_MAX);
            held.finish(tail, &mut |event: Event<'_>| seen.take(event));
            assert_eq!(seen.0, expected, "{length} cut at {cut}");
            assert!(held.bytes.is_empty() && !held.in_pieces);
        }
    }
}
