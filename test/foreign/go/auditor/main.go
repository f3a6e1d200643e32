// Command auditor audits the public files of a log with Go's golang.org/x/mod/sumdb and nothing of the code that wrote them.
//
//	auditor [-proofs] DIRECTORY VERIFIER-KEY
//
// It opens the checkpoint, reads every entry bundle, builds the tree over the entries, compares its root with the checkpoint's
// and every tile of every row with what the tree gives; with -proofs it makes and checks an inclusion proof for every entry
// besides. One line of JSON on success; a message and exit status 1 for anything that does not fit.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// pathOf gives the file of a tile: C2SP tlog-tiles has the numbers of tlog without the height in the path.
func pathOf(directory string, tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), "tile/8/")
	path = strings.Replace(path, "data/", "entries/", 1)
	return filepath.Join(directory, "tile", path)
}

// stored are the hashes of a log in the order in which tlog numbers them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		hashes[i] = s[index]
	}
	return hashes, nil
}

func openCheckpoint(directory, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("checkpoint: not the three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("checkpoint: not a root")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

func readBundle(directory string, n int64, w int) ([][]byte, error) {
	path := pathOf(directory, tlog.Tile{H: height, L: -1, N: n, W: w})
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s: truncated", path)
		}
		length := int(data[0])<<8 | int(data[1])
		if len(data) < 2+length {
			return nil, fmt.Errorf("%s: truncated", path)
		}
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if len(entries) != w {
		return nil, fmt.Errorf("%s: %d entries, not %d", path, len(entries), w)
	}
	return entries, nil
}

// buildTree reads every bundle and returns the stored hashes of the tree over the entries.
func buildTree(directory string, size int64) (stored, error) {
	hashes := make(stored, 0, tlog.StoredHashCount(size))
	for first := int64(0); first < size; first += width {
		w := width
		if first+width > size {
			w = int(size - first)
		}
		entries, err := readBundle(directory, first/width, w)
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			more, err := tlog.StoredHashes(first+int64(i), entry, hashes)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, more...)
		}
	}
	return hashes, nil
}

// checkTiles compares every tile of the log, each row's last one as wide as it is now, with what the tree gives.
func checkTiles(directory string, size int64, hashes stored) (int, error) {
	widest := make(map[tlog.Tile]int)
	for _, tile := range tlog.NewTiles(height, 0, size) {
		place := tlog.Tile{H: tile.H, L: tile.L, N: tile.N}
		if tile.W > widest[place] {
			widest[place] = tile.W
		}
	}
	for tile, w := range widest {
		tile.W = w
		path := pathOf(directory, tile)
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		want, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(data, want) {
			return 0, fmt.Errorf("%s: not the tree's", path)
		}
	}
	return len(widest), nil
}

// checkProofs makes and checks an inclusion proof of every entry.
func checkProofs(tree tlog.Tree, hashes stored) error {
	for n := int64(0); n < tree.N; n++ {
		proof, err := tlog.ProveRecord(tree.N, n, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, hashes[tlog.StoredHashIndex(0, n)]); err != nil {
			return fmt.Errorf("entry %d: %v", n, err)
		}
	}
	return nil
}

func audit(directory, key string, prove bool) error {
	tree, err := openCheckpoint(directory, key)
	if err != nil {
		return err
	}
	hashes, err := buildTree(directory, tree.N)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries give another root")
	}
	tiles, err := checkTiles(directory, tree.N, hashes)
	if err != nil {
		return err
	}
	if prove {
		if err := checkProofs(tree, hashes); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"size": tree.N, "root": fmt.Sprintf("%x", tree.Hash[:]), "tiles": tiles, "proofs": prove,
	})
}

func main() {
	prove := flag.Bool("proofs", false, "make and check an inclusion proof of every entry")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: auditor [-proofs] DIRECTORY VERIFIER-KEY")
		os.Exit(2)
	}
	if err := audit(flag.Arg(0), flag.Arg(1), *prove); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
