// Writes testdata/tokenizer/golden.json, and the two small vocabularies it is
// made with, from what the original tokenizer answers:
//
//	node golden.js
const fs = require('fs')
const path = require('path')
const T = require('@anush008/tokenizers')
const { texts, pairs, truncations, windows, splits } = require('./texts')
const vocabularies = require('./vocabularies')

const out = path.join(__dirname, '..', '..', 'tokenizer')

const token = (content, options) => ({
  content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false, ...options
})

// The flags that an added token can have, one or two at a time.
const added = [
  token('<ent>', {}),
  token('<lead>', { lstrip: true }),
  token('<tail>', { rstrip: true, special: true }),
  token('<both>', { lstrip: true, rstrip: true }),
  token('token', { single_word: true }),
  token('토큰', { single_word: true, normalized: true }),
  token('New York', { normalized: true }),
  token('Été', { normalized: true, single_word: true, lstrip: true }),
  token('ab', {}), token('abcd', {}), token('abd', { normalized: true })
]

const bert = { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }
// What happens once a text is split is asked of one kind alone.
const kinds = [
  { name: 'uncased', vocab: 'en', normalizer: bert },
  { name: 'uncased, accents kept', vocab: 'en', normalizer: { ...bert, strip_accents: false } },
  { name: 'cased', vocab: 'ko', pairs: true, decoded: true, normalizer: { ...bert, lowercase: false } },
  { name: 'cased, accents stripped', vocab: 'ko', normalizer: { ...bert, lowercase: false, strip_accents: true } },
  { name: 'lower-cased Korean', vocab: 'ko', normalizer: { ...bert, strip_accents: false } },
  { name: 'stripped Korean', vocab: 'ko', normalizer: bert },
  { name: 'bare', vocab: 'ko', normalizer: { clean_text: false, handle_chinese_chars: false, strip_accents: null, lowercase: false } },
  { name: 'stripped only', vocab: 'en', normalizer: { clean_text: false, handle_chinese_chars: false, strip_accents: true, lowercase: false } },
  { name: 'added tokens', vocab: 'en', normalizer: bert, added },
  { name: 'added tokens, cased', vocab: 'ko', normalizer: { ...bert, lowercase: false }, added, decoded: true },
  { name: 'short words', vocab: 'ko', normalizer: bert, max_word: 5 }
]

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

function build (kind, tokens) {
  const vocab = Object.fromEntries(tokens.map((t, i) => [t, i]))
  const extra = (kind.added || []).map(t => ({ ...t }))
  let next = tokens.length
  for (const t of extra) t.id = t.content in vocab ? vocab[t.content] : next++
  const list = special.map(content => token(content, { id: vocab[content], special: true })).concat(extra)
  list.sort((a, b) => a.id - b.id)
  const place = (name, type) => ({ SpecialToken: { id: name, type_id: type } })
  const text = (id, type) => ({ Sequence: { id, type_id: type } })
  const known = name => ({ id: name, ids: [vocab[name]], tokens: [name] })
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: list,
    normalizer: { type: 'BertNormalizer', ...kind.normalizer },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [place('[CLS]', 0), text('A', 0), place('[SEP]', 0)],
      pair: [place('[CLS]', 0), text('A', 0), place('[SEP]', 0), text('B', 1), place('[SEP]', 1)],
      special_tokens: { '[CLS]': known('[CLS]'), '[SEP]': known('[SEP]') }
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##',
      max_input_chars_per_word: kind.max_word || 100, vocab
    }
  }
}

const spell = e => ({
  ids: e.getIds(), types: e.getTypeIds().join(''), mask: e.getSpecialTokensMask().join(''), offsets: e.getOffsets().flat()
})

// inOrder lists an encoding and what overflowed it in the order of the text.
function inOrder (e, direction) {
  const all = [e, ...e.getOverflowing()].map(spell)
  return direction === 'left' ? all.reverse() : all
}

async function answer (kind, tokens) {
  const json = build(kind, tokens)
  const t = T.Tokenizer.fromString(JSON.stringify(json))
  const { vocab, ...model } = json.model
  const result = { name: kind.name, vocab: kind.vocab + '.txt', json: { ...json, model }, texts: [], pairs: [], splits: [] }
  for (const text of texts) {
    const plain = await t.encode(text, null, { addSpecialTokens: false })
    const whole = await t.encode(text)
    if (whole.getLength() !== plain.getLength() + 2) throw new Error('specials missing')
    const row = { ids: plain.getIds(), offsets: plain.getOffsets().flat() }
    if (kind.decoded) {
      row.decoded = await t.decode(whole.getIds(), false)
      row.clean = await t.decode(whole.getIds(), true)
    }
    result.texts.push(row)
  }
  if (!kind.pairs) return result
  for (const [p, [a, b]] of pairs.entries()) {
    t.disableTruncation()
    const length = (await t.encode(a, null, { addSpecialTokens: false })).getLength()
    result.pairs.push({ pair: p, windows: [spell(await t.encode(a, b))] })
    result.pairs.push({ pair: p, plain: true, windows: [spell(await t.encode(a, b, { addSpecialTokens: false }))] })
    for (const o of [...truncations, ...windows]) {
      const all = windows.includes(o)
      if (all && o.stride >= o.maxLength - 3 - length) continue // ends the process there
      t.setTruncation(o.maxLength, o)
      let e
      try {
        e = await t.encode(a, b)
      } catch (err) {
        continue // the text to cut is too short: an error there, not here
      }
      result.pairs.push({ pair: p, ...o, all, windows: all ? inOrder(e, o.direction) : [spell(e)] })
    }
  }
  for (const o of splits) {
    for (const index of [2, 4, 45]) {
      t.setTruncation(o.maxLength, o)
      const e = await t.encode(texts[index])
      result.splits.push({ text: index, ...o, windows: inOrder(e, o.direction) })
    }
  }
  return result
}

async function main () {
  const lists = {}
  for (const name of ['en', 'ko']) {
    lists[name] = vocabularies[name]()
    fs.writeFileSync(path.join(out, name + '.txt'), lists[name].join('\n') + '\n')
  }
  const answers = []
  for (const kind of kinds) answers.push(await answer(kind, lists[kind.vocab]))
  const rows = answers.map(a => {
    const list = (name) => `"${name}":[\n${a[name].map(x => JSON.stringify(x)).join(',\n')}]`
    const head = JSON.stringify({ name: a.name, vocab: a.vocab, json: a.json }).slice(0, -1)
    return `${head},\n${list('texts')},\n${list('pairs')},\n${list('splits')}}`
  })
  const body = `{"texts":[\n${texts.map(t => JSON.stringify(t)).join(',\n')}],\n"pairs":${JSON.stringify(pairs)},\n"tokenizers":[\n${rows.join(',\n')}]}\n`
  JSON.parse(body)
  fs.writeFileSync(path.join(out, 'golden.json'), body)
}

main()
