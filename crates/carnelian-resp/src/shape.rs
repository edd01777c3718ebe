//! The check that a reply has the shape it announced. In release builds it has no state and costs nothing.

#[cfg(debug_assertions)]
pub(crate) use checked::Shape;
#[cfg(not(debug_assertions))]
pub(crate) use unchecked::Shape;

#[cfg(debug_assertions)]
mod checked {
    /// What was written where, since the last moment every reply was whole. Replaying it up to an offset gives the
    /// state there, which is what taking back half a reply needs.
    #[derive(Debug, Default)]
    pub(crate) struct Shape {
        log: Vec<(usize, Event)>,
        open: Vec<Frame>,
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Value,
        Open(Option<usize>),
        OpenAttribute(usize),
        /// The collection whose header is at this offset got this many values.
        Close(usize, usize),
    }

    #[derive(Debug)]
    struct Frame {
        at: usize,
        /// Values announced; not known for a deferred collection until it is closed.
        announced: Option<usize>,
        seen: usize,
        attribute: bool,
    }

    impl Shape {
        pub(crate) fn value(&mut self, at: usize) {
            self.push(at, Event::Value);
        }

        pub(crate) fn open(&mut self, at: usize, values: Option<usize>) {
            self.push(at, Event::Open(values));
        }

        pub(crate) fn open_attribute(&mut self, at: usize, values: usize) {
            self.push(at, Event::OpenAttribute(values));
        }

        /// The deferred collection whose header is at `at` ends.
        pub(crate) fn close(&mut self, at: usize, values: usize) {
            // As late as anything that is written before the next value.
            let end = self.log.last().map_or(at, |(at, _)| *at);
            self.push(end, Event::Close(at, values));
        }

        /// The bytes behind the header at `at` have moved by `extra`.
        pub(crate) fn moved(&mut self, at: usize, extra: usize) {
            for (offset, event) in &mut self.log {
                if *offset > at {
                    *offset += extra;
                }
                if let Event::Close(header, _) = event
                    && *header > at
                {
                    *header += extra;
                }
            }
        }

        pub(crate) fn clear(&mut self) {
            self.log.clear();
            self.open.clear();
        }

        pub(crate) fn truncate(&mut self, len: usize) {
            let log = std::mem::take(&mut self.log);
            self.open.clear();
            for (at, event) in log.into_iter().filter(|(at, _)| *at < len) {
                self.push(at, event);
            }
        }

        pub(crate) fn check_complete(&self) {
            assert!(
                self.open.is_empty(),
                "a reply lacks values: announced {:?}, written {:?}",
                self.open.iter().map(|frame| frame.announced).collect::<Vec<_>>(),
                self.open.iter().map(|frame| frame.seen).collect::<Vec<_>>(),
            );
        }

        fn push(&mut self, at: usize, event: Event) {
            self.log.push((at, event));
            match event {
                Event::Value => self.count(),
                Event::Open(announced) => {
                    self.count_in_parent();
                    self.open.push(Frame { at, announced, seen: 0, attribute: false });
                    self.settle();
                }
                Event::OpenAttribute(values) => {
                    self.open.push(Frame { at, announced: Some(values), seen: 0, attribute: true });
                    self.settle();
                }
                Event::Close(header, values) => {
                    let frame = self.open.last_mut().expect("a collection is ended that was not begun");
                    assert_eq!(
                        frame.at, header,
                        "collections are ended in the order inverse to their beginning"
                    );
                    assert_eq!(
                        frame.seen, values,
                        "a deferred collection has another length than it is ended with"
                    );
                    frame.announced = Some(values);
                    self.settle();
                }
            }
            if self.open.is_empty() {
                self.log.clear();
            }
        }

        fn count(&mut self) {
            self.count_in_parent();
            self.settle();
        }

        fn count_in_parent(&mut self) {
            // A frame that is full has been taken away, so this cannot exceed what was announced.
            if let Some(frame) = self.open.last_mut() {
                frame.seen += 1;
            }
        }

        /// Take away the collections that are full, innermost first.
        fn settle(&mut self) {
            while self.open.last().is_some_and(|frame| frame.announced == Some(frame.seen)) {
                let frame = self.open.pop();
                // An attribute is no value of its own: what it belongs to comes next.
                if frame.is_some_and(|frame| frame.attribute) {
                    break;
                }
            }
        }
    }
}

#[cfg(not(debug_assertions))]
mod unchecked {
    #[derive(Debug, Default)]
    pub(crate) struct Shape;

    impl Shape {
        #[inline(always)]
        pub(crate) fn value(&mut self, _: usize) {}
        #[inline(always)]
        pub(crate) fn open(&mut self, _: usize, _: Option<usize>) {}
        #[inline(always)]
        pub(crate) fn open_attribute(&mut self, _: usize, _: usize) {}
        #[inline(always)]
        pub(crate) fn close(&mut self, _: usize, _: usize) {}
        #[inline(always)]
        pub(crate) fn moved(&mut self, _: usize, _: usize) {}
        #[inline(always)]
        pub(crate) fn clear(&mut self) {}
        #[inline(always)]
        pub(crate) fn truncate(&mut self, _: usize) {}
        #[inline(always)]
        pub(crate) fn check_complete(&self) {}
    }
}
