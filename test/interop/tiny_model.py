"""A model directory without weights for Dynamo's frontend and mocker: every token id is one word, so that texts and token
counts are exact in both directions."""
import json
import pathlib

SPECIAL = ["<unk>", "<s>", "</s>"]
WORDS = 4096  # Sextant's prompts and the mocker's answers have ids from 1000 to 2000


def write_model(folder, context=8192):
    """Writes the files that a worker and its frontend read; the shape is that of a model of 0.6 billion parameters."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: i for i, word in enumerate(SPECIAL + [f"w{i}" for i in range(len(SPECIAL), WORDS)])}
    added = [{"id": i, "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, word in enumerate(SPECIAL)]
    files = {
        "tokenizer.json": {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": context, "bos_token": "<s>", "eos_token": "</s>",
            "unk_token": "<unk>", "chat_template": "{% for m in messages %}{{ m['content'] }} {% endfor %}"},
        "config.json": {
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072,
            "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": WORDS,
            "max_position_embeddings": context, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16"},
        "generation_config.json": {"bos_token_id": 1, "eos_token_id": 2},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder
