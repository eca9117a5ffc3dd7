// Writes testdata/tokenizer/bulk.json: hashes of what the original tokenizer
// answers for real vocabularies over Wikipedia text and over random strings,
// both too large to be kept. The argument is the data folder:
//
//	node bulk.js $DATA
const fs = require('fs')
const path = require('path')
const zlib = require('zlib')
const crypto = require('crypto')
const T = require('@anush008/tokenizers')

const data = process.argv[2]
const STRINGS = 20000

// documents are the first texts of a gzipped JSON-lines file.
function documents (file, count) {
  const lines = zlib.gunzipSync(fs.readFileSync(path.join(data, file))).toString('utf8').split('\n', count)
  return lines.map(l => JSON.parse(l).text)
}

// random strings come from a generator that is easily written again in Go:
// xorshift32, one character for each class drawn.
function strings () {
  let x = 2463534242
  const next = n => {
    x ^= x << 13
    x >>>= 0
    x ^= x >>> 17
    x ^= x << 5
    x >>>= 0
    return x % n
  }
  const spans = [
    [0x20, 0x7e], [0x61, 0x7a], [0x00, 0x24f], [0x300, 0x36f], [0x370, 0x5ff], [0x600, 0x109f], [0x1100, 0x1fff],
    [0x2000, 0x2fff], [0x3000, 0x9fff], [0xac00, 0xd7a3], [0xa000, 0xabff], [0xe000, 0xffff], [0x10000, 0x1ffff],
    [0x1d100, 0x1d1ff], [0x20000, 0x323af], [0xe0000, 0x10ffff]
  ]
  const out = []
  for (let i = 0; i < STRINGS; i++) {
    let s = ''
    for (let n = next(40); n >= 0; n--) {
      const [lo, hi] = spans[next(spans.length)]
      s += String.fromCodePoint(lo + next(hi - lo + 1))
    }
    out.push(s)
  }
  return out
}

const bert = { cleanText: true, handleChineseChars: true, stripAccents: true, lowercase: true }
const kinds = [
  ['bert-base-uncased-vocab.txt', bert],
  ['bert-base-uncased-vocab.txt', { ...bert, stripAccents: false }],
  ['bert-base-multilingual-cased-vocab.txt', { ...bert, stripAccents: false, lowercase: false }],
  ['bert-base-multilingual-cased-vocab.txt', bert],
  ['bert-base-multilingual-cased-vocab.txt', { cleanText: false, handleChineseChars: false, stripAccents: true, lowercase: false }],
  ['bert-cased-vocab.txt', { ...bert, stripAccents: false, lowercase: false }],
  ['koelectra-vocab.txt', { ...bert, stripAccents: false, lowercase: false }],
  ['koelectra-vocab.txt', { ...bert, stripAccents: false }]
]

async function main () {
  const inputs = {
    'wiki-en': documents('text/wiki-en.jsonl.gz', 50),
    'wiki-ko': documents('text/wiki-ko.jsonl.gz', 300),
    random: strings()
  }
  const rows = []
  for (const [file, options] of kinds) {
    const vocab = await T.WordPiece.fromFile(path.join(data, 'vocab', file))
    const t = new T.Tokenizer(vocab)
    t.setNormalizer(T.bertNormalizer(options))
    t.setPreTokenizer(T.bertPreTokenizer())
    for (const [name, texts] of Object.entries(inputs)) {
      const hash = crypto.createHash('sha256')
      let tokens = 0
      for (const text of texts) {
        const e = await t.encode(text)
        const row = e.getIds().join(' ') + ';' + e.getOffsets().flat().join(' ') + '\n'
        tokens += e.getLength()
        hash.update(row)
      }
      rows.push({ vocab: file, ...options, input: name, texts: texts.length, tokens, sha256: hash.digest('hex') })
    }
  }
  const out = path.join(__dirname, '..', '..', 'tokenizer', 'bulk.json')
  fs.writeFileSync(out, '[\n' + rows.map(r => JSON.stringify(r)).join(',\n') + '\n]\n')
}

main()
