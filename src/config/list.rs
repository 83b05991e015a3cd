//! Lists: items with commas between, blanks around them not counted.

/// What does not count around an item.
const BLANKS: [char; 2] = [' ', '\t'];

/// One item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Where it starts in the list, in bytes.
    pub(super) start: usize,
    /// Its text; empty where nothing stands between two commas.
    pub(super) text: &'a str,
}

/// The items of a list, in their order; there is always one.
pub(super) fn items(list: &str) -> impl Iterator<Item = Item<'_>> {
    let mut from = 0;
    list.split(',').map(move |item| {
        let start = from + (item.len() - item.trim_start_matches(BLANKS).len());
        from += item.len() + 1;
        Item { start, text: item.trim_matches(BLANKS) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn items_stand_where_they_are_said_to() {
        let found: Vec<_> =
            items(" a ,\u{fc}b,, c d").map(|item| (item.start, item.text)).collect();
        assert_eq!(found, [(1, "a"), (4, "\u{fc}b"), (8, ""), (10, "c d")]);
        assert_eq!(items("").collect::<Vec<_>>(), [Item { start: 0, text: "" }]);
        assert_eq!(items("a,").map(|item| item.text).collect::<Vec<_>>(), ["a", ""]);
    }

    proptest! {
        #[test]
        fn a_list_is_split_as_it_was_joined(
            wanted in prop::collection::vec("[^,\\s]([^,]*[^,\\s])?", 1..6),
            blank in "[ \t]{0,3}",
        ) {
            let list = wanted.join(&format!("{blank},{blank}"));
            for (item, wanted) in items(&list).zip(&wanted) {
                prop_assert_eq!(item.text, wanted);
                prop_assert_eq!(&list[item.start..item.start + item.text.len()], wanted);
            }
            prop_assert_eq!(items(&list).count(), wanted.len());
        }
    }
}
