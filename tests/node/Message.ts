import type { AnyBlock, HomeView, MessageAttachment, ModalView } from "@slack/types";

/** What Redkey sends to chat.postMessage and chat.update, apart from the channel. */
export interface Message {
  text: string;
  blocks: AnyBlock[];
  attachments: MessageAttachment[];
}

export type Modal = ModalView;
export type Home = HomeView;
