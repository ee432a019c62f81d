"""Encoders that score text: any Hugging Face sequence-classification model out of a local folder, at the speed of its forward pass.

    folder      which files a model is made of, what is refused (pickles, code nobody named), its hash
    card        what the model's files do not say: what labels are worth, how text is cut, calibration, data, licence
    fit         whether tokenizer, model and recipe are of one piece
    windows     a text's tokens → windows: the first, the first and the last, or all of them
    batches     windows of a unit → batches of about equal length within a budget of tokens
    ahead       tokenising while the model computes: in a thread, or in processes of their own beside a GPU
    torch_engine, engines     batches → logits: torch, ONNX Runtime, vLLM's pooling runner
    scorer      logits → one score in [0, 1] a text, the same however the batches were cut
    units       rows → fixed units, whatever batches they came in
    gpus        which GPU a process may have
    loaded      model, tokenizer and GPU as a process keeps them from task to task
    training    labelled pieces → a model with its card, by the Trainer of `transformers`

Rows reach the step `encoder_quality` in batches of any size. It cuts them into fixed units of the task's input, so that what is
computed together depends on the input alone: not on workers, on a crash, or on how much memory was free. Units flow: one is tokenised
while another is on the device and a third becomes rows, and nobody waits for the device but who reads its scores.
"""
