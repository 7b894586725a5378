//! Merkle trees as RFC 6962 has them, section 2.1 (and RFC 9162): pure functions over hashes.

use aws_lc_rs::digest;

/// SHA-256.
pub type Hash = [u8; 32];

/// SHA-256 of these parts, one behind the other.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = Hash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of a leaf.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    sha256(&[&[0], bytes])
}

/// The hash of two trees side by side.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root over as many hashes as a power of two; that of no hash is the empty one.
pub fn perfect_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

/// A part of a tree: the leaves from `from` to below `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first leaf.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
}

/// A perfect part of a tree: `2^height` leaves, the `index`-th such part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// How many levels above the leaves.
    pub height: u32,
    /// Which of its level, from 0.
    pub index: u64,
}

impl Span {
    /// The perfect parts that it is made of, from left to right. It has to begin where a tree of its size may.
    pub fn nodes(self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut from = self.from;
        while from < self.to {
            let height = (self.to - from).ilog2();
            nodes.push(Node { height, index: from >> height });
            from += 1 << height;
        }
        nodes
    }
}

/// The root of a part, from the hashes of its [`Span::nodes`].
pub fn span_root(nodes: &[Hash]) -> Hash {
    let mut from_the_right = nodes.iter().rev();
    let Some(last) = from_the_right.next() else { return empty_root() };
    from_the_right.fold(*last, |right, left| node_hash(left, &right))
}

/// The inclusion path of leaf `index` in a tree of `size`, from the leaf upwards, as the parts whose roots it is made of.
/// Empty where there is no such leaf.
pub fn path(index: u64, size: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut from, mut to) = (0, size);
    while index < size && to - from > 1 {
        // The largest power of two below the part's size.
        let middle = from + (1 << (to - from - 1).ilog2());
        if index < middle {
            spans.push(Span { from: middle, to });
            to = middle;
        } else {
            spans.push(Span { from, to: middle });
            from = middle;
        }
    }
    spans.reverse();
    spans
}

/// The root that a leaf's hash and inclusion path lead to (RFC 9162, section 2.1.3.2); `None` where the path is none of
/// this leaf's in a tree of this size.
pub fn root_of_path(index: u64, size: u64, leaf: &Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node_hash(sibling, &root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves and roots of the Certificate Transparency project's tests (`merkletree_test`), which RFC 6962's own
    /// implementation uses.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// The recursion as RFC 6962 writes it.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let k = 1 << (leaves.len() - 1).ilog2();
                node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
            }
        }
    }

    fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let k = 1 << (leaves.len() - 1).ilog2();
        let (mut path, last) = if index < k {
            (naive_path(index, &leaves[..k]), naive(&leaves[k..]))
        } else {
            (naive_path(index - k, &leaves[k..]), naive(&leaves[..k]))
        };
        path.push(last);
        path
    }

    fn of_span(leaves: &[Hash], span: Span) -> Hash {
        let part = |node: &Node| {
            let from = (node.index << node.height) as usize;
            perfect_root(&leaves[from..from + (1 << node.height)])
        };
        span_root(&span.nodes().iter().map(part).collect::<Vec<_>>())
    }

    fn known() -> Vec<Hash> {
        LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves = known();
        assert_eq!(hex::encode(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (size, root) in (1..).zip(ROOTS) {
            let span = Span { from: 0, to: size };
            assert_eq!(hex::encode(of_span(&leaves, span)), root, "{size} leaves");
        }
    }

    #[test]
    fn a_known_path() {
        // The path of leaf 5 of 8, from the same tests.
        let leaves = known();
        let path: Vec<String> = path(5, 8).into_iter().map(|span| hex::encode(of_span(&leaves, span))).collect();
        let expected = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(path, expected);
    }

    proptest! {
        #[test]
        fn paths_lead_to_the_root_and_nowhere_else(size in 1_usize..300, pick in any::<prop::sample::Index>(), flip in 0_usize..256) {
            let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let (index, root) = (pick.index(size), naive(&leaves));
            let (at, of) = (index as u64, size as u64);
            prop_assert_eq!(of_span(&leaves, Span { from: 0, to: of }), root);
            let spans: Vec<Hash> = path(at, of).into_iter().map(|span| of_span(&leaves, span)).collect();
            prop_assert_eq!(&spans, &naive_path(index, &leaves));
            prop_assert_eq!(root_of_path(at, of, &leaves[index], &spans), Some(root));

            let mut other = leaves[index];
            other[flip / 8] ^= 1 << (flip % 8);
            prop_assert_ne!(root_of_path(at, of, &other, &spans), Some(root));
            let longer = [spans.as_slice(), &[root]].concat();
            prop_assert_eq!(root_of_path(at, of, &leaves[index], &longer), None);
            if let Some((_, shorter)) = spans.split_last() {
                prop_assert_ne!(root_of_path(at, of, &leaves[index], shorter), Some(root));
            }
            prop_assert_eq!(root_of_path(of, of, &leaves[index], &spans), None);
            prop_assert!(path(of, of).is_empty());
        }
    }
}
